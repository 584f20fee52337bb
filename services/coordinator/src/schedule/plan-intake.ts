import { aggregates, type HandoffAnswer, type Plan } from '@conclave/contracts';
import type { Clock, WorldWriter } from '@conclave/service';
import { intakeEvents } from './intake.ts';
import { isMeetingId } from './meetings.ts';
import { takeInPlan } from './take-in-plan.ts';

/** Takes plans in that come close together, several with one commit. */
export interface PlanIntake {
  /** Takes a plan in, once. @throws CVE_HANDOFF_ID_TAKEN, CVE_HANDOFF_NOT_THE_MEETINGS */
  takeIn(plan: Plan): Promise<HandoffAnswer>;
}

interface Waiting {
  readonly plan: Plan;
  /** Bytes of JSON, about what its events will have. */
  readonly bytes: number;
  readonly answer: PromiseWithResolvers<HandoffAnswer>;
}

/** Of one commit; half of what it may have, as events say a little more than the documents. */
const BATCH_BYTES = 256 * 1024;

/*
 * 1. Plans are taken in in the order in which they came. What comes while a commit is under way shares the next.
 * 2. Each is accepted or refused by itself, whatever it shares the commit with.
 * 3. A plan of a meeting goes alone: it waits for news of its meeting and replaces what older ones planned.
 */
export function planIntake(writer: WorldWriter, clock: Clock): PlanIntake {
  let waiting: Waiting[] = [];
  let isTaking = false;
  const takeAll = async (): Promise<void> => {
    if (isTaking) return;
    isTaking = true;
    while (waiting.length > 0) {
      const batch = firstBatch(waiting);
      waiting = waiting.slice(batch.length);
      await takeInBatch(batch, writer, clock);
    }
    isTaking = false;
  };
  return {
    async takeIn(plan) {
      if (isMeetingId(plan.planId)) return await takeInPlan(plan, writer, clock);
      const answer = Promise.withResolvers<HandoffAnswer>();
      waiting.push({ plan, bytes: Buffer.byteLength(JSON.stringify(plan)), answer });
      void takeAll();
      return await answer.promise;
    },
  };
}

/** As many as fit, and no id twice: the second is judged by what became of the first. */
function firstBatch(waiting: readonly Waiting[]): readonly Waiting[] {
  const ids = new Set<string>();
  let bytes = 0;
  const end = waiting.findIndex((one, at) => {
    const isFull = at > 0 && (bytes + one.bytes > BATCH_BYTES || ids.has(one.plan.planId));
    bytes += one.bytes;
    ids.add(one.plan.planId);
    return isFull;
  });
  return end < 0 ? waiting : waiting.slice(0, end);
}

/** Settles the answer of each. */
async function takeInBatch(batch: readonly Waiting[], writer: WorldWriter, clock: Clock): Promise<void> {
  let known = new Set<Waiting>();
  let refused = new Map<Waiting, unknown>();
  try {
    await writer.commit(aggregates.schedule, (world) => {
      known = new Set();
      refused = new Map();
      return batch.flatMap((one) => {
        try {
          const events = intakeEvents(world, one.plan, clock.now());
          if (events.length === 0) known.add(one);
          return events;
        } catch (error) {
          refused.set(one, error);
          return [];
        }
      });
    });
  } catch (error) {
    for (const { answer } of batch) answer.reject(error);
    return;
  }
  for (const one of batch) {
    const { planId, actions } = one.plan;
    if (refused.has(one)) one.answer.reject(refused.get(one));
    else one.answer.resolve({ planId, accepted: known.has(one) ? 'known' : 'taken_in', actions: actions.length });
  }
}
