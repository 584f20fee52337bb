import {
  ConclaveError,
  type PinnedRollout,
  type RolloutDefinition,
  type RolloutEvent,
  type RunnerStatus,
} from '@conclave/contracts';
import { describeServing, onRecordOf, openRollout, type RolloutsState, servingOf, type World } from '@conclave/core';
import type { Facts } from '../facts.ts';
import { requireDataset, requireModel } from '../registry/registered.ts';
import { hasServed } from './adopt.ts';
import { rolloutEventOf } from './rollout-event.ts';

/**
 * Pins a definition and opens its rollout. The same definition while it is open, or while its version serves, changes nothing.
 * @param retry opens it although a rollout of this very definition has ended
 * @param runners what they say now: a stable version that none of them can load is nothing to fall back to
 * @throws CVE_ROLLOUT_ENDED, CVE_ROLLOUT_CONFLICT while another is open
 */
export function decideApply(
  world: World,
  state: RolloutsState,
  definition: RolloutDefinition,
  by: string,
  defaultSoakSeconds: number,
  facts: Facts,
  retry = false,
  runners: readonly RunnerStatus[] = [],
): RolloutEvent[] {
  const pinned = pin(world, definition, defaultSoakSeconds);
  const standing = onRecordOf(world, state, definition);
  if (standing.kind === 'open' || standing.kind === 'serves') return [];
  const open = openRollout(state);
  if (open !== undefined) {
    throw new ConclaveError(
      'CVE_ROLLOUT_CONFLICT',
      `rollout ${open.rolloutId} of ${state.model} ${open.definition.version} is open; let it end or abort it before you apply another`,
    );
  }
  if (state.stable === undefined) {
    throw new ConclaveError(
      'CVE_ROLLOUT_INVALID',
      `${state.model} has no stable version to fall back to; first record the one that serves now: conclave adopt ${state.model} <version> --dataset ${pinned.datasetName}`,
    );
  }
  const broken = servingOf(state, runners).filter((one) => one.state === 'failed');
  if (broken.length > 0 && !hasServed(state, runners)) {
    throw new ConclaveError(
      'CVE_ROLLOUT_INVALID',
      `${state.model} ${state.stable.version} is recorded as stable and has never served, so there is nothing to fall back to: ${describeServing(broken, state.stable.version).join('; ')}; adopt a version that loads first: conclave adopt ${state.model} <version> --dataset <name>`,
    );
  }
  if (standing.kind === 'ended' && !retry) throw new ConclaveError('CVE_ROLLOUT_ENDED', standing.sentence);
  const rolloutId = `${pinned.name}-r${state.seq}`;
  return [rolloutEventOf(facts, 'rollout.applied', { rolloutId, definition: pinned, by })];
}

function pin(world: World, definition: RolloutDefinition, defaultSoakSeconds: number): PinnedRollout {
  const { spec, metadata } = definition;
  const model = requireModel(world, spec.model, spec.version);
  if (spec.digest !== undefined && spec.digest !== model.digest) {
    throw new ConclaveError(
      'CVE_MODEL_DIGEST_CONFLICT',
      `${spec.model} ${spec.version} is registered as ${model.digest} but the definition pins ${spec.digest}; push that bundle under its own version`,
    );
  }
  const dataset = requireDataset(world, spec.dataset);
  return {
    name: metadata.name,
    model: spec.model,
    version: spec.version,
    digest: model.digest,
    datasetName: dataset.name,
    dataset: dataset.digest,
    authority: spec.authority,
    stages: spec.stages.map(({ name, soakSeconds }) => ({ name, soakSeconds: soakSeconds ?? defaultSoakSeconds })),
    gates: spec.gates,
  };
}
