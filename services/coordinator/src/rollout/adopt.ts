import { ConclaveError, type RolloutEvent, type RunnerStatus } from '@conclave/contracts';
import { openRollout, type RolloutsState, servingOf, type World } from '@conclave/core';
import type { Facts } from '../facts.ts';
import { requireDataset, requireModel } from '../registry/registered.ts';
import { rolloutEventOf } from './rollout-event.ts';

/**
 * Records the version that serves before Conclave arrives. Doing it again with the same version changes nothing. A recorded version that no
 * runner ever had ready serves nobody: another may take its place.
 */
export function decideAdopt(
  world: World,
  state: RolloutsState,
  request: { readonly version: string; readonly dataset: string; readonly by: string },
  facts: Facts,
  runners: readonly RunnerStatus[] = [],
): RolloutEvent[] {
  const model = requireModel(world, state.model, request.version);
  const dataset = requireDataset(world, request.dataset);
  if (state.stable?.digest === model.digest && state.stable.dataset === dataset.digest) return [];
  if (openRollout(state) !== undefined) {
    throw new ConclaveError(
      'CVE_ROLLOUT_CONFLICT',
      `a rollout of ${state.model} is open, so ${request.version} cannot be adopted; let it end or abort it first`,
    );
  }
  if (state.stable !== undefined && hasServed(state, runners)) {
    throw new ConclaveError(
      'CVE_ROLLOUT_CONFLICT',
      `${state.model} ${state.stable.version} already serves in production; a new version comes through a rollout (conclave apply)`,
    );
  }
  const { version, digest } = model;
  return [
    rolloutEventOf(facts, 'rollout.adopted', {
      model: state.model,
      version,
      digest,
      dataset: dataset.digest,
      by: request.by,
    }),
  ];
}

/** Whether the stable version was ever ready on a runner, on record or as the runners say now. */
export function hasServed(state: RolloutsState, runners: readonly RunnerStatus[]): boolean {
  return state.stable?.servedAt !== undefined || servingOf(state, runners).some((one) => one.state === 'serving');
}
