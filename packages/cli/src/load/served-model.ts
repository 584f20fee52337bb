import { setTimeout as pause } from 'node:timers/promises';
import {
  ConclaveError,
  type Digest,
  digest,
  entryOf,
  type InferInput,
  knownNames,
  type RunnerStatus,
} from '@conclave/contracts';
import { knownModels, openRollout, type RolloutsState, type World } from '@conclave/core';

const POLL_MS = 250;

/** A model that answers, and what it is asked with. */
export interface ServedModel {
  readonly model: string;
  readonly version: string;
  /** The dataset whose queries are the model's own: that of the open rollout, else that of what serves. */
  readonly dataset: Digest;
  readonly input: InferInput | undefined;
}

/**
 * What stands on record about a model that serves.
 * @throws CVE_MODEL_UNKNOWN naming those on record; CVE_INFER_NOT_READY when nothing was adopted
 */
export function servingOnRecord(world: World, model: string): Omit<ServedModel, 'input'> {
  const state = entryOf(world.rollouts, model);
  if (state === undefined) throw unknownModel(world, model);
  const { stable } = state;
  if (stable === undefined) {
    throw new ConclaveError(
      'CVE_INFER_NOT_READY',
      `no version of ${model} serves; first: conclave adopt ${model} <version> --dataset <name>`,
    );
  }
  return { model, version: stable.version, dataset: digest.parse(datasetOf(state) ?? stable.dataset) };
}

function datasetOf(state: RolloutsState): string | undefined {
  return openRollout(state)?.definition.dataset;
}

function unknownModel(world: World, model: string): ConclaveError {
  const known = knownModels(world).map((state) => state.model);
  const registered = entryOf(world.registry, model);
  if (registered !== undefined && Object.keys(registered.versions).length > 0) {
    const versions = Object.keys(registered.versions).join(', ');
    return new ConclaveError(
      'CVE_INFER_NOT_READY',
      `${model} is registered (${versions}) and was never adopted; first: conclave adopt ${model} <version> --dataset <name>`,
    );
  }
  return new ConclaveError(
    'CVE_MODEL_UNKNOWN',
    `there is no model ${model}; ${knownNames(model, known) ?? 'none was adopted yet: conclave adopt <model> <version> --dataset <name>'}`,
  );
}

/** Runners that can answer for a version now. */
export function readyRunners(runners: readonly RunnerStatus[], model: string, version: string): RunnerStatus[] {
  return runners.filter((runner) => stateOn(runner, model, version)?.state === 'ready');
}

function stateOn(runner: RunnerStatus, model: string, version: string) {
  return runner.models.find((one) => one.model === model)?.versions.find((one) => one.version === version);
}

/** The input that a version takes, by a runner that has it loaded. */
export function inputTaken(runners: readonly RunnerStatus[], model: string, version: string): InferInput | undefined {
  return readyRunners(runners, model, version)
    .map((runner) => stateOn(runner, model, version)?.input)
    .find((input) => input !== undefined);
}

/**
 * Waits until a runner can answer for the version.
 * @param onWait told once, and again when it changes, what is waited for
 * @throws CVE_INFER_NOT_READY with what each runner says when none can in time
 */
export async function untilReady(
  readRunners: () => Promise<readonly RunnerStatus[]>,
  { model, version }: { readonly model: string; readonly version: string },
  timeoutMs: number,
  onWait: (what: string) => void,
): Promise<readonly RunnerStatus[]> {
  const deadline = performance.now() + timeoutMs;
  let told = '';
  for (;;) {
    const runners = await readRunners();
    if (readyRunners(runners, model, version).length > 0) return runners;
    const why = whyNotReady(runners, model, version);
    const isHopeless = runners.length > 0 && runners.every((one) => stateOn(one, model, version)?.state === 'failed');
    if (isHopeless || performance.now() >= deadline)
      throw new ConclaveError('CVE_INFER_NOT_READY', `${model} ${version} cannot answer: ${why}`);
    if (why !== told) onWait(`waiting for ${model} ${version}: ${why}`);
    told = why;
    await pause(POLL_MS);
  }
}

function whyNotReady(runners: readonly RunnerStatus[], model: string, version: string): string {
  const serving = runners.filter(({ roles }) => roles.includes('serve'));
  if (serving.length === 0) return 'no runner is up; see conclave status and the log of the gpu-runner';
  return serving
    .map((runner) => {
      const found = stateOn(runner, model, version);
      if (found === undefined) return `${runner.runner} has not taken it up yet`;
      return `${runner.runner} ${found.state}${found.state === 'failed' ? ` (${found.detail})` : ''}`;
    })
    .join(', ');
}
