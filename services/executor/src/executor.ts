import { type Bus, type Job, type Journal, openWorkQueue, type WorkConsumer } from '@conclave/bus';
import {
  type ActionWork,
  actionWork,
  type ConclaveConfig,
  ConclaveError,
  subjects,
  type ToolName,
  zodMessage,
} from '@conclave/contracts';
import { giveActionUp } from './action/give-up.ts';
import { type PerformDeps, performAction } from './action/perform.ts';
import type { Tool } from './tools/tool.ts';

export interface ExecutorOptions extends Omit<PerformDeps, 'actionTimeoutMs'> {
  readonly bus: Bus;
  readonly journal: Journal;
  readonly config: Pick<ConclaveConfig, 'executor' | 'limits'>;
  readonly tools: ReadonlyMap<ToolName, Tool>;
}

/**
 * Takes actions off the queue, of all owners, and carries them out. A message that comes again while its action is still under way here,
 * because this process or its machine stood still for longer than the server waits, is no second attempt: it ends with the first.
 */
export function startExecutor(options: ExecutorOptions): WorkConsumer {
  const { bus, journal, config, instance, now } = options;
  const { ackWaitMs, maxDeliveries, actionTimeoutSeconds } = config.limits;
  const deps: PerformDeps = { ...options, actionTimeoutMs: actionTimeoutSeconds * 1000 };
  const underWay = new Map<number, Promise<void>>();
  const perform = async (job: Job): Promise<void> => {
    const known = underWay.get(job.seq);
    if (known !== undefined) return await known;
    const performing = performAction(deps, parseWork(job), { messageSeq: job.seq, signal: job.signal });
    underWay.set(job.seq, performing);
    await performing.finally(() => underWay.delete(job.seq));
  };
  return openWorkQueue(bus).consume({
    name: 'executor',
    filter: subjects.workActionAll,
    concurrency: config.executor.concurrency,
    ackWaitMs,
    maxDeliver: maxDeliveries,
    by: instance,
    handler: perform,
    async onDead(job, reason) {
      const work = actionWork.safeParse(job.json());
      if (work.success) await giveActionUp(journal, work.data.action, reason, now);
    },
  });
}

/** @throws CVE_MESSAGE_MALFORMED */
function parseWork(job: { readonly subject: string; json(): unknown }): ActionWork {
  const json = job.json();
  const parsed = actionWork.safeParse(json);
  if (parsed.success) return parsed.data;
  const problem = zodMessage(parsed.error, json);
  throw new ConclaveError('CVE_MESSAGE_MALFORMED', `work on ${job.subject} is no action: ${problem}`);
}
