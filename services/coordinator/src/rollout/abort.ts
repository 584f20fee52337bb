import { ConclaveError, type RolloutEvent } from '@conclave/contracts';
import { openRollout, type RolloutsState } from '@conclave/core';
import type { Facts } from '../facts.ts';
import { rolloutEventOf } from './rollout-event.ts';

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

/**
 * Takes production back to the version before, or nothing when that is done already. An operator's last resort after a rollout has
 * completed: it needs no gate and no leader, because it only returns to what has served in good standing.
 * @throws CVE_ROLLOUT_CONFLICT while a rollout is open, or when no version served before
 */
export function decideRevert(state: RolloutsState, by: string, reason: string, facts: Facts): RolloutEvent[] {
  const { model, stable, previousStable, current } = state;
  const rollout = openRollout(state);
  if (rollout !== undefined) {
    throw new ConclaveError(
      'CVE_ROLLOUT_CONFLICT',
      `rollout ${rollout.rolloutId} of ${model} ${rollout.definition.version} is open; end it first: conclave abort ${model}`,
    );
  }
  if (stable === undefined || previousStable === undefined) {
    if (current?.phase === 'rolled_back') return [];
    throw new ConclaveError(
      'CVE_ROLLOUT_CONFLICT',
      `${model} ${stable?.version ?? 'has no version that'} serves and no version served before it, so there is none to go back to`,
    );
  }
  const from = { version: stable.version, digest: stable.digest };
  const to = { version: previousStable.version, digest: previousStable.digest };
  return [
    {
      ...rolloutEventOf(facts, 'rollout.reverted', { from, to, by, reason }),
      id: `rollout.reverted:${model}:${stable.since}`,
    },
  ];
}
