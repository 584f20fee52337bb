import {
  ConclaveError,
  knownNames,
  type PinnedRollout,
  type RolloutDefinition,
  type RolloutEvent,
  type RunnerStatus,
  shortDigest,
} from '@conclave/contracts';
import {
  describeServing,
  missingInStage,
  nextStage,
  onRecordOf,
  openRollout,
  type Rollout,
  type RolloutsState,
  registeredDataset,
  registeredModel,
  servingOf,
  verdictSetOf,
  type World,
} from '@conclave/core';
import { type Facts, rolloutEventOf } from './rollout-event.ts';

/** Who asks. */
type By = { readonly by: string };

/**
 * Records the version that serves before Conclave arrives. Doing it again with the same version changes nothing. A recorded version that no
 * runner ever had ready serves nobody: another may take its place.
 */
export function decideAdopt(
  world: World,
  state: RolloutsState,
  request: { version: string; dataset: string } & By,
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
function hasServed(state: RolloutsState, runners: readonly RunnerStatus[]): boolean {
  return state.stable?.servedAt !== undefined || servingOf(state, runners).some((one) => one.state === 'serving');
}

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

/**
 * A person's yes or no on the verdicts as they stand. Given too early it would be void by the time it counts, so it is refused with what
 * is missing: a yes waits for the meeting's go, a no for the evidence alone. A pause hinders neither.
 * @param verdicts the verdict set that the person looked at, or its beginning
 * @throws CVE_ROLLOUT_CONFLICT when other verdicts stand by now, CVE_ROLLOUT_NOT_ELIGIBLE when there is nothing to decide on yet
 */
export function decideApproval(
  state: RolloutsState,
  approved: boolean,
  reason: string,
  by: string,
  facts: Facts,
  verdicts?: string,
): RolloutEvent[] {
  const rollout = requireOpen(state);
  const { rolloutId, stageEpoch } = rollout;
  const verdictSet = verdictSetOf(rollout);
  if (verdicts !== undefined && !isBeginningOf(verdictSet, verdicts)) {
    throw new ConclaveError(
      'CVE_ROLLOUT_CONFLICT',
      `${rolloutId} stands on the verdicts ${shortDigest(verdictSet)} by now, not on ${shortDigest(verdicts)} as you saw; look again: conclave explain ${state.model}`,
    );
  }
  const early = missingForDecision(state, rollout, approved, facts.now);
  if (early !== undefined) {
    throw new ConclaveError(
      'CVE_ROLLOUT_NOT_ELIGIBLE',
      `${rolloutId} cannot be ${approved ? 'approved' : 'rejected'}: ${early}`,
    );
  }
  if (rollout.approval?.verdictSet === verdictSet && rollout.approval.approved === approved) return [];
  return [
    rolloutEventOf(facts, approved ? 'rollout.approved' : 'rollout.rejected', {
      rolloutId,
      stageEpoch,
      verdictSet,
      by,
      reason,
    }),
  ];
}

/** Why a person's word would have no effect now; undefined when it has. */
function missingForDecision(state: RolloutsState, rollout: Rollout, approved: boolean, now: Date): string | undefined {
  const { model, authority } = rollout.definition;
  const stopNow = `to stop it now: conclave pause ${model} or conclave abort ${model}`;
  const next = nextStage(rollout);
  if (rollout.stage === undefined || next === undefined)
    return `${rollout.stage === undefined ? 'shadow' : 'completion'} waits for no person; ${stopNow}`;
  if (authority !== 'recommend')
    return `with authority ${authority} ${authority === 'act' ? 'it advances without a person' : 'nothing advances'}; ${stopNow}`;
  const missing = missingInStage(state, rollout, now)
    .filter(({ kind }) => kind !== 'hold')
    .map(({ sentence }) => sentence);
  const { vote } = rollout;
  if (approved && missing.length === 0) {
    if (vote?.verdictSet !== verdictSetOf(rollout)) missing.push('no meeting has voted on these verdicts');
    else if (vote.decision === 'no_go') missing.push(`meeting ${vote.meetingId} voted no_go`);
  }
  if (missing.length === 0) return undefined;
  return `it is too early for ${next}: ${missing.join('; ')}${approved ? `; see conclave explain ${model}` : `; ${stopNow}`}`;
}

function isBeginningOf(digest: string, beginning: string): boolean {
  return digest.startsWith(beginning.startsWith('sha256:') ? beginning : `sha256:${beginning}`);
}

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

const PAUSE = 'pause';

/** Stops every advance until resumed; traffic stays as it is. */
export function decidePause(state: RolloutsState, reason: string, by: string, facts: Facts): RolloutEvent[] {
  return state.holds[PAUSE] === undefined
    ? [rolloutEventOf(facts, 'rollout.held', { holdId: PAUSE, kind: 'pause', by, reason })]
    : [];
}

export function decideResume(state: RolloutsState, reason: string, by: string, facts: Facts): RolloutEvent[] {
  return state.holds[PAUSE] === undefined
    ? []
    : [rolloutEventOf(facts, 'rollout.released', { holdId: PAUSE, by, reason })];
}

function requireOpen(state: RolloutsState): Rollout {
  const rollout = openRollout(state);
  if (rollout === undefined)
    throw new ConclaveError('CVE_ROLLOUT_UNKNOWN', `no rollout of ${state.model} is open; see conclave status`);
  return rollout;
}

function requireModel(world: World, model: string, version: string) {
  const found = registeredModel(world, model, version);
  if (found !== undefined) return found;
  const versions = Object.keys(world.registry[model]?.versions ?? {});
  if (versions.length === 0) {
    const models = Object.values(world.registry).flatMap((entry) => Object.values(entry.versions).map((v) => v.model));
    throw new ConclaveError(
      'CVE_MODEL_UNKNOWN',
      `${model} ${version} is not registered, nor is any version of "${model}" (${knownNames(model, [...new Set(models)]) ?? 'no model is'}); push it: conclave model push <folder>`,
    );
  }
  throw new ConclaveError(
    'CVE_MODEL_UNKNOWN',
    `${model} ${version} is not registered (${knownNames(version, versions)}); push it: conclave model push <folder>`,
  );
}

function requireDataset(world: World, nameOrDigest: string) {
  const found = registeredDataset(world, nameOrDigest);
  if (found !== undefined) return found;
  const known = Object.values(world.registry).flatMap((entry) => entry.datasets.map((d) => d.name));
  throw new ConclaveError(
    'CVE_DATASET_UNKNOWN',
    `dataset ${nameOrDigest} is not registered (${knownNames(nameOrDigest, [...new Set(known)]) ?? 'known: none'}); push it: conclave dataset push <folder>`,
  );
}
