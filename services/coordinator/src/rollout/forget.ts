import { ConclaveError, type RolloutEvent, type RunnerStatus } from '@conclave/contracts';
import { openRollout, type RolloutsState, servingOf } from '@conclave/core';
import type { Facts } from '../facts.ts';
import { decideAbort } from './abort.ts';
import { rolloutEventOf } from './rollout-event.ts';

/**
 * Takes a model that serves nobody off the runners and out of every state: its versions stay registered and its events in the journal,
 * and another adopt begins anew. A rollout that is open over a stable version that never served ends with it. Forgetting again changes
 * nothing.
 * @throws CVE_ROLLOUT_UNKNOWN for a model without any record; CVE_ROLLOUT_CONFLICT while it serves or may serve, or a rollout is open
 */
export function decideForget(
  state: RolloutsState,
  reason: string,
  by: string,
  facts: Facts,
  runners: readonly RunnerStatus[],
): RolloutEvent[] {
  const { model, stable, seq } = state;
  if (state.forgotten !== undefined) return [];
  if (seq === 0) {
    throw new ConclaveError('CVE_ROLLOUT_UNKNOWN', `nothing is on record about ${model}; see conclave status`);
  }
  const there = servingOf(state, runners);
  const answering = there.filter((one) => one.answers !== null);
  if (answering.length > 0) {
    const where = answering.map(({ runner, answers }) => `${answers} on ${runner}`).join(', ');
    throw new ConclaveError(
      'CVE_ROLLOUT_CONFLICT',
      `${model} serves (${where}); only a model that cannot be served is forgotten`,
    );
  }
  const hasServed = stable?.servedAt !== undefined;
  const rollout = openRollout(state);
  if (rollout !== undefined && hasServed) {
    throw new ConclaveError(
      'CVE_ROLLOUT_CONFLICT',
      `rollout ${rollout.rolloutId} of ${model} ${rollout.definition.version} is open; end it first: conclave abort ${model}`,
    );
  }
  if (hasServed && !there.some((one) => one.state === 'failed')) {
    throw new ConclaveError(
      'CVE_ROLLOUT_CONFLICT',
      `${model} ${stable.version} has served and no runner says that it cannot be loaded any more; see conclave explain ${model}`,
    );
  }
  return [
    ...decideAbort(state, by, `${model} is forgotten: ${reason}`.slice(0, 2000), facts),
    rolloutEventOf(facts, 'rollout.forgotten', { by, reason }),
  ];
}
