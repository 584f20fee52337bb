import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { jsApi, type Native } from './native.ts';

/** How a temporary consumer starts. */
export type StartAt = { readonly seq: number } | { readonly time: string } | 'last-per-subject';

const created = z.object({
  name: z.string(),
  num_pending: z.number().optional(),
  config: z.record(z.string(), z.unknown()),
});
export type ConsumerState = z.infer<typeof created>;

/** Makes a consumer that vanishes a while after its reader: unacknowledged, in memory, one replica. */
export async function createReader(
  native: Native,
  stream: string,
  filters: readonly string[],
  start: StartAt,
): Promise<{ name: string; pending: number }> {
  const name = `reader-${randomBytes(9).toString('hex')}`;
  const state = await createConsumer(native, stream, name, {
    name,
    ack_policy: 'none',
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: 30e9,
    replay_policy: 'instant',
    ...startPolicy(start),
    ...filterPolicy(filters),
  });
  return { name: state.name, pending: state.num_pending ?? 0 };
}

const progress = z.object({ num_pending: z.number(), delivered: z.object({ consumer_seq: z.number() }) });

/** How far a reader's consumer is: messages that it has yet to deliver, and the number of its last delivery. */
export async function readerProgress(
  native: Native,
  stream: string,
  name: string,
): Promise<{ pending: number; delivered: number }> {
  const state = await jsApi(native, `CONSUMER.INFO.${stream}.${name}`, undefined, progress);
  return { pending: state.num_pending, delivered: state.delivered.consumer_seq };
}

/** Creates or updates a consumer. A single filter goes into the API subject, so that permissions can be given per filter. */
export async function createConsumer(
  native: Native,
  stream: string,
  name: string,
  config: Record<string, unknown>,
): Promise<ConsumerState> {
  const filter = config.filter_subject;
  const subject = `CONSUMER.CREATE.${stream}.${name}${typeof filter === 'string' ? `.${filter}` : ''}`;
  return await jsApi(native, subject, { stream_name: stream, config, action: '' }, created);
}

export function deleteReader(native: Native, stream: string, name: string): void {
  if (!native.nc.isClosed()) native.nc.publish(`$JS.API.CONSUMER.DELETE.${stream}.${name}`);
}

export function filterPolicy(filters: readonly string[]): Record<string, unknown> {
  const [first, ...rest] = filters;
  if (first === undefined) return {};
  return rest.length === 0 ? { filter_subject: first } : { filter_subjects: filters };
}

function startPolicy(start: StartAt): Record<string, unknown> {
  if (start === 'last-per-subject') return { deliver_policy: 'last_per_subject' };
  if ('time' in start) return { deliver_policy: 'by_start_time', opt_start_time: start.time };
  return start.seq <= 1 ? { deliver_policy: 'all' } : { deliver_policy: 'by_start_sequence', opt_start_seq: start.seq };
}
