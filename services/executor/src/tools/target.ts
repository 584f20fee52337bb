import { ConclaveError, modelName, versionName } from '@conclave/contracts';
import { openRollout, type World } from '@conclave/core';

/** What a call is about, as arguments of a tool. */
export const targetArgs = {
  model: modelName
    .optional()
    .describe('The model; may be left out when only one is being rolled out, or only one is known.'),
  version: versionName
    .optional()
    .describe('Its version; by default the one being rolled out, else the one that serves.'),
};

/** What a call is about, as people may leave parts of it out. */
export interface TargetHint {
  readonly model?: string | undefined;
  readonly version?: string | undefined;
}

export interface Target {
  readonly model: string;
  readonly version: string;
}

/** Models with a rollout on record or a registered version. */
export function knownModels(world: World): string[] {
  const registered = Object.entries(world.registry).filter(([, entry]) => Object.keys(entry.versions).length > 0);
  return [...new Set([...Object.keys(world.rollouts), ...registered.map(([model]) => model)])].sort();
}

/** Versions of a model that are registered, being rolled out or serving. */
export function knownVersions(world: World, model: string): string[] {
  const state = world.rollouts[model];
  const candidate = state === undefined ? undefined : openRollout(state)?.definition.version;
  const registered = Object.keys(world.registry[model]?.versions ?? {});
  return [...new Set([...registered, candidate, state?.stable?.version].filter((version) => version !== undefined))];
}

/**
 * The model meant: the one named, else the only one with an open rollout, else the only one known.
 * @throws CVE_TOOL_INVALID_ARGS naming the choices.
 */
export function resolveModel(world: World, model: string | undefined): string {
  const known = knownModels(world);
  if (model !== undefined) {
    if (known.includes(model)) return model;
    throw invalid(`model ${model} is not known; choose ${listed(known)}`);
  }
  const open = Object.values(world.rollouts).filter((state) => openRollout(state) !== undefined);
  const [only] = open.length > 0 ? open.map((state) => state.model) : known;
  if (only !== undefined && (open.length === 1 || (open.length === 0 && known.length === 1))) return only;
  throw invalid(`name a model: ${listed(open.length > 0 ? open.map((state) => state.model) : known)}`);
}

/**
 * Model and version meant. Without a version it is the open rollout's candidate, else the version that serves.
 * `V1.0` and `v1.0` mean `1.0` unless a version of exactly that name exists.
 * @throws CVE_TOOL_INVALID_ARGS naming the choices.
 */
export function resolveTarget(world: World, hint: TargetHint): Target {
  const model = resolveModel(world, hint.model);
  const state = world.rollouts[model];
  const candidate = state === undefined ? undefined : openRollout(state)?.definition.version;
  const known = knownVersions(world, model);
  if (hint.version === undefined) {
    const version = candidate ?? state?.stable?.version;
    if (version !== undefined) return { model, version };
    throw invalid(`name a version of ${model}: ${listed(known)}; none is being rolled out and none serves`);
  }
  const version = [hint.version, hint.version.replace(/^v(?=\d)/i, '')].find((name) => known.includes(name));
  if (version !== undefined) return { model, version };
  throw invalid(`${model} has no version ${hint.version}; choose ${listed(known)} or register it`);
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'one that is registered (none is yet)' : names.join(', ');
}

function invalid(message: string): ConclaveError {
  return new ConclaveError('CVE_TOOL_INVALID_ARGS', message);
}
