import { ConclaveError, type RolloutEvent } from '@conclave/contracts';
import type { RolloutsState } from '@conclave/core';
import type { Facts } from '../facts.ts';
import { requireOpen } from './require-open.ts';
import { rolloutEventOf } from './rollout-event.ts';

/** An operator's override of one named gate in this stage, on the record for ever. */
export function decideOverride(
  state: RolloutsState,
  gate: string,
  reason: string,
  by: string,
  facts: Facts,
): RolloutEvent[] {
  const rollout = requireOpen(state);
  const names = rollout.definition.gates.map((g) => g.name);
  if (!names.includes(gate)) {
    throw new ConclaveError(
      'CVE_ROLLOUT_INVALID',
      `${rollout.rolloutId} has no gate ${gate}; its gates are ${names.join(', ')}`,
    );
  }
  if (rollout.overrides[gate] !== undefined) return [];
  return [
    rolloutEventOf(facts, 'rollout.gate_overridden', {
      rolloutId: rollout.rolloutId,
      stageEpoch: rollout.stageEpoch,
      gate,
      by,
      reason,
    }),
  ];
}
