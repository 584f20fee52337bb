import { openRollout, type RolloutEvent, type RolloutsState } from '@conclave/contracts';
import { type Facts, rolloutEventOf } from './facts.ts';

/**
 * The abort of the open rollout, or nothing when none is open: accepted in every state, idempotent, and needing no
 * meeting, gate, agent or leader (promise 2). The event names the rollout, so a late one cannot touch the next rollout, and
 * its id is made of the rollout's, so that replicas that append it at the same moment append it once.
 */
export function decideAbort(state: RolloutsState, by: string, reason: string, facts: Facts): RolloutEvent[] {
  const rollout = openRollout(state);
  if (rollout === undefined) return [];
  const { rolloutId } = rollout;
  return [
    { ...rolloutEventOf(facts, 'rollout.aborted', { rolloutId, by, reason }), id: `rollout.aborted:${rolloutId}` },
  ];
}
