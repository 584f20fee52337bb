import { ConclaveError } from '@conclave/contracts';
import { openRollout, type Rollout, type RolloutsState } from '@conclave/core';

/** @throws CVE_ROLLOUT_UNKNOWN when no rollout of the model is open */
export function requireOpen(state: RolloutsState): Rollout {
  const rollout = openRollout(state);
  if (rollout === undefined)
    throw new ConclaveError('CVE_ROLLOUT_UNKNOWN', `no rollout of ${state.model} is open; see conclave status`);
  return rollout;
}
