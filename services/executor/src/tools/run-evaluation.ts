import type { Journal, WorkQueue } from '@conclave/bus';
import { aggregates, ConclaveError, digest, type EvaluationRequest, subjects, versionName } from '@conclave/contracts';
import {
  type Evaluation,
  evaluationIdOf,
  foldEvaluation,
  initialEvaluation,
  openRollout,
  registeredModel,
  type ServedVersion,
  type World,
} from '@conclave/core';
import { readAggregate } from '@conclave/service';
import { z } from 'zod';
import type { WorldView } from '../world/world-view.ts';
import { resolveTarget, targetArgs } from './target.ts';
import { defineTool, type Tool, type ToolReturn } from './tool.ts';
import type { ToolKit } from './tool-kit.ts';

const baseline = z.strictObject({
  version: versionName.describe('Its version.'),
  digest: digest.describe('Its digest.'),
  dataset: digest.optional().describe('The dataset that it serves, where that is another.'),
});
const args = z.strictObject({
  ...targetArgs,
  digest: digest.optional().describe('The bundle that is evaluated. Filled in from the world: leave it out.'),
  dataset: digest.optional().describe('The dataset that it is evaluated on. Filled in from the world: leave it out.'),
  baseline: baseline.optional().describe('What it is compared with. Filled in from the world: leave it out.'),
});
type Args = z.infer<typeof args>;

export interface EvaluationDeps {
  readonly journal: Pick<Journal, 'read'>;
  readonly queue: Pick<WorkQueue, 'publish'>;
  readonly world: Pick<WorldView, 'until'>;
  /** Milliseconds without a start after which the work is published a second time. Default 30 000. */
  readonly republishAfterMs?: number;
}

/** How long the world may lag behind the journal, in milliseconds. */
const WORLD_WAIT_MS = 30_000;
/** Attempts beyond this are refused: an evaluation that always fails needs a person. */
const MAX_ATTEMPTS = 20;
/** Attempts in which the version itself was measured and the baseline was lost. */
const COMPARISON_ATTEMPTS = 3;

/** Has the candidate evaluated offline on the pinned dataset, against stable. The same evaluation is counted once. */
export function runEvaluation(deps: EvaluationDeps): Tool {
  return defineTool({
    name: 'run_evaluation',
    description: 'Evaluates a version offline on the pinned dataset: NDCG@10 with its interval, compared with stable.',
    args,
    idempotent: true,
    changes: false,
    complete: pinned,
    async run(given, { signal }) {
      const request = requestOf(given);
      const { id, evaluation } = await nextAttempt(deps, request, signal);
      if (evaluation.state === 'completed') return toReturn(id, evaluation);
      const publish = (msgId: string) =>
        deps.queue.publish(subjects.workEvaluation, { evaluationId: id, request }, { msgId });
      const find = (isWanted: (found: Evaluation) => boolean) => (world: World) => {
        const found = world.evaluations[id];
        return found !== undefined && isWanted(found) ? found : undefined;
      };
      await publish(id);
      const timeoutMs = deps.republishAfterMs ?? 30_000;
      const started = await deps.world.until(
        find(({ state }) => state !== 'unknown'),
        { timeoutMs, signal },
      );
      if (started === undefined) await publish(`${id}#2`);
      const isOver = find(({ state }) => state === 'completed' || state === 'failed');
      const over = await deps.world.until(isOver, { timeoutMs: Number.POSITIVE_INFINITY, signal });
      return toReturn(id, over ?? evaluation);
    },
  });
}

/** The bundle that the rollout pins (else the registered one), the dataset that is pinned, and stable to compare with. */
function pinned(given: Args, world: World): Args {
  const { model, version } = resolveTarget(world, given);
  const state = world.rollouts[model];
  const rollout = state === undefined ? undefined : openRollout(state);
  const stable = state?.stable;
  const isCandidate = rollout?.definition.version === version;
  const modelDigest =
    (isCandidate ? rollout.definition.digest : undefined) ??
    registeredModel(world, model, version)?.digest ??
    (stable?.version === version ? stable.digest : undefined);
  const dataset = rollout?.definition.dataset ?? stable?.dataset;
  if (modelDigest === undefined || dataset === undefined) {
    throw new ConclaveError(
      'CVE_TOOL_INVALID_ARGS',
      modelDigest === undefined
        ? `${model} ${version} is not registered; register its bundle first`
        : `no dataset is pinned for ${model}; apply a rollout, it names one`,
    );
  }
  const comparison = stable === undefined || stable.digest === modelDigest ? undefined : stable;
  const { baseline: _given, ...rest } = given;
  return {
    ...rest,
    model,
    version,
    digest: modelDigest,
    dataset,
    ...(comparison === undefined ? {} : { baseline: baselineOf(comparison, dataset) }),
  };
}

/** What serves now, with its own dataset where the candidate brings another: it may not be able to search the new documents. */
function baselineOf({ version, digest: bundle, dataset: own }: ServedVersion, dataset: string): Args['baseline'] {
  return { version, digest: bundle, ...(own === dataset ? {} : { dataset: own }) };
}

function requestOf({ model, version, digest: bundle, dataset, baseline: stable }: Args): EvaluationRequest {
  if (model === undefined || version === undefined || bundle === undefined || dataset === undefined) {
    throw new ConclaveError('CVE_TOOL_INVALID_ARGS', 'run_evaluation needs model, version, digest and dataset');
  }
  return {
    kind: 'offline',
    model,
    version,
    digest: bundle,
    dataset,
    ...(stable === undefined ? {} : { baseline: stable }),
  };
}

/** True when the process died or hung over the baseline, which another attempt may not; what is wrong with its bundle or dataset stays wrong. */
function hasLostBaseline({ result }: Evaluation): boolean {
  return result?.kind === 'offline' && result.baselineFailure?.code === 'CVE_EVALUATION_FAILED';
}

/**
 * The first attempt that has not failed, as the journal has it now. One of long ago that the world keeps no longer is followed by
 * another: its result could be read here, but no gate would see it.
 */
async function nextAttempt(
  { journal, world }: Pick<EvaluationDeps, 'journal' | 'world'>,
  request: EvaluationRequest,
  signal: AbortSignal,
): Promise<{ id: string; evaluation: Evaluation }> {
  const isKept = async ({ evaluationId, seq }: Evaluation): Promise<boolean> => {
    const kept = await world.until(
      (now) => (now.seq < seq ? undefined : { is: Object.hasOwn(now.evaluations, evaluationId) }),
      { timeoutMs: WORLD_WAIT_MS, signal },
    );
    return kept?.is ?? true;
  };
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const id = evaluationIdOf(request, attempt);
    const evaluation = await readEvaluation(journal, id);
    const mayRepeat = evaluation.state === 'failed' || (attempt < COMPARISON_ATTEMPTS && hasLostBaseline(evaluation));
    if (!mayRepeat && (evaluation.state !== 'completed' || (await isKept(evaluation)))) return { id, evaluation };
  }
  throw new ConclaveError(
    'CVE_EVALUATION_FAILED',
    `${request.model} ${request.version} failed to evaluate ${MAX_ATTEMPTS} times; see its evaluations in the journal`,
  );
}

/** An evaluation as the journal has it now. */
export function readEvaluation(journal: Pick<Journal, 'read'>, id: string): Promise<Evaluation> {
  const how = { initial: initialEvaluation(id), fold: foldEvaluation, unread: 'refuse' } as const;
  return readAggregate(journal, aggregates.evaluation(id), how);
}

function toReturn(evaluationId: string, { result, failure }: Evaluation): ToolReturn {
  if (result?.kind === 'offline') return { ok: true, result: { evaluationId, ...result } };
  const error = failure === undefined ? 'the evaluation has no offline result' : failure.message;
  return { ok: false, result: { evaluationId, failure: failure ?? null }, error };
}

/** The tool of the real system. */
export const connect = (kit: ToolKit): Tool => runEvaluation(kit);
