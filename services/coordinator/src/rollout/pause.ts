import type { RolloutEvent } from '@conclave/contracts';
import type { RolloutsState } from '@conclave/core';
import type { Facts } from '../facts.ts';
import { rolloutEventOf } from './rollout-event.ts';

const PAUSE = 'pause';

/** Stops every advance until resumed; traffic stays as it is. */
export function decidePause(state: RolloutsState, reason: string, by: string, facts: Facts): RolloutEvent[] {
  return state.holds[PAUSE] === undefined
    ? [rolloutEventOf(facts, 'rollout.held', { holdId: PAUSE, kind: 'pause', by, reason })]
    : [];
}

/** Lets it advance again. */
export function decideResume(state: RolloutsState, reason: string, by: string, facts: Facts): RolloutEvent[] {
  return state.holds[PAUSE] === undefined
    ? []
    : [rolloutEventOf(facts, 'rollout.released', { holdId: PAUSE, by, reason })];
}
