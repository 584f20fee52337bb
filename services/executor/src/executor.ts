import { type Bus, type Job, type Journal, openWorkQueue, ROLLBACK_CONSUMER, type WorkConsumer } from '@conclave/bus';
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

/** Rollbacks under way at a time, beside whatever `executor.concurrency` allows for other actions. */
const ROLLBACK_SLOTS = 2;

/**
 * Takes actions off the queue, of all owners, and carries them out. A message that comes again while its action is still under way here,
 * because this process or its machine stood still for longer than the server waits, is no second attempt: it ends with the first.
 * Rollbacks come by a queue of their own: none waits until one of the others has ended.
 */
export function startExecutor(options: ExecutorOptions): WorkConsumer {
  const { bus, journal, config, instance, clock } = options;
  const { ackWaitMs, maxDeliveries, actionTimeoutSeconds } = config.limits;
  const deps: PerformDeps = { ...options, actionTimeoutMs: actionTimeoutSeconds * 1000 };
  const underWay = new Map<number, Promise<void>>();
  const perform = async (job: Job): Promise<void> => {
    const known = underWay.get(job.seq);
    if (known !== undefined) return await known;
    const performing = performAction(deps, parseWork(job), {
      messageSeq: job.seq,
      redelivered: job.deliveryCount > 1,
      signal: job.signal,
    });
    underWay.set(job.seq, performing);
    await performing.finally(() => underWay.delete(job.seq));
  };
  const queue = openWorkQueue(bus);
  const consume = (name: string, filter: string, concurrency: number): WorkConsumer =>
    queue.consume({
      name,
      filter,
      concurrency,
      ackWaitMs,
      maxDeliver: maxDeliveries,
      by: instance,
      handler: perform,
      async onDead(job, reason) {
        const work = actionWork.safeParse(job.json());
        if (work.success) await giveActionUp(journal, work.data.action, reason, clock.now);
      },
    });
  return together([
    consume('executor', subjects.workActionAll, config.executor.concurrency),
    consume(ROLLBACK_CONSUMER, subjects.workRollbackAll, ROLLBACK_SLOTS),
  ]);
}

/** Several consumers as one, which is as alive as the quietest of them. */
function together(consumers: readonly WorkConsumer[]): WorkConsumer {
  return {
    get lastActivityAt() {
      return Math.min(...consumers.map(({ lastActivityAt }) => lastActivityAt));
    },
    get running() {
      return consumers.reduce((total, { running }) => total + running, 0);
    },
    async stop(options) {
      await Promise.all(consumers.map((consumer) => consumer.stop(options)));
    },
  };
}

/** @throws CVE_MESSAGE_MALFORMED */
function parseWork(job: { readonly subject: string; json(): unknown }): ActionWork {
  const json = job.json();
  const parsed = actionWork.safeParse(json);
  if (parsed.success) return parsed.data;
  const problem = zodMessage(parsed.error, json);
  throw new ConclaveError('CVE_MESSAGE_MALFORMED', `work on ${job.subject} is no action: ${problem}`);
}
