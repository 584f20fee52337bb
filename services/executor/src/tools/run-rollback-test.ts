import type { Journal } from '@conclave/bus';
import { ConclaveError, type EvaluationRequest, isConclaveError, messageOf, subjects } from '@conclave/contracts';
import { type Evaluation, evaluationIdOf, openRollout, type Rollout, type World } from '@conclave/core';
import { z } from 'zod';
import type { WorldView } from '../world/world-view.ts';
import type { Requester } from './ask-coordinator.ts';
import { readEvaluation } from './run-evaluation.ts';
import { resolveTarget, targetArgs } from './target.ts';
import { defineTool, type Tool } from './tool.ts';
import type { ToolKit } from './tool-kit.ts';

const args = z.strictObject(targetArgs);

export interface RollbackTestDeps {
  readonly bus: Requester;
  readonly journal: Pick<Journal, 'read'>;
  readonly world: Pick<WorldView, 'until'>;
}

const SERVING_WAIT_MS = 60_000;
const TEST_TIMEOUT_MS = 20_000;

interface RunnerOutcome {
  readonly runner: string;
  readonly evaluationId: string;
  readonly passed: boolean;
  readonly detail: string;
}

/** Has every serving runner swap to stable and back. What the runners journaled decides, not what they answered. */
export function runRollbackTest(deps: RollbackTestDeps): Tool {
  return defineTool({
    name: 'run_rollback_test',
    description: 'Has every serving runner of the open rollout swap to stable and back; ok only if all pass.',
    args,
    idempotent: true,
    changes: false,
    complete: (given, world) => ({ ...given, ...resolveTarget(world, given) }),
    async run({ model = '', version = '' }, { signal }) {
      const servingNow = (world: World): Rollout | undefined => {
        const rollout = rolloutOf(world, model, version);
        return rollout?.servingSince === undefined || rollout.runners.length === 0 ? undefined : rollout;
      };
      const rollout = await deps.world.until(servingNow, { timeoutMs: SERVING_WAIT_MS, signal });
      if (rollout === undefined) {
        const error = `${model} ${version} serves in no stage, so there is nothing to swap`;
        return { ok: false, result: { runners: [] }, error };
      }
      const runners: RunnerOutcome[] = [];
      for (const runner of rollout.runners) runners.push(await testRunner(deps, rollout, runner, signal));
      const failed = runners.filter(({ passed }) => !passed);
      const result = { stage: rollout.stage, stageEpoch: rollout.stageEpoch, runners };
      if (failed.length === 0) return { ok: true, result };
      return { ok: false, result, error: failed.map(({ runner, detail }) => `${runner}: ${detail}`).join('; ') };
    },
  });
}

function rolloutOf(world: World, model: string, version: string): Rollout | undefined {
  const state = world.rollouts[model];
  const rollout = state === undefined ? undefined : openRollout(state);
  return rollout?.definition.version === version ? rollout : undefined;
}

async function testRunner(
  { bus, journal }: RollbackTestDeps,
  rollout: Rollout,
  runner: string,
  signal: AbortSignal,
): Promise<RunnerOutcome> {
  const { model, version, digest } = rollout.definition;
  const { rolloutId, stageEpoch } = rollout;
  const request: EvaluationRequest = { kind: 'rollback_test', model, version, digest, rolloutId, stageEpoch, runner };
  const { evaluationId, evaluation } = await nextTest(journal, request);
  if (hasPassed(evaluation)) return outcomeOf(runner, evaluationId, evaluation);
  if (signal.aborted) throw new ConclaveError('CVE_CANCELLED', 'stopped before the next rollback test');
  try {
    const body = { evaluationId, request };
    await bus.request(subjects.runnerRollbackTest(runner), body, { timeoutMs: TEST_TIMEOUT_MS });
  } catch (error) {
    // The answer may be lost while the test was done: the journal is asked below.
    if (!isConclaveError(error)) throw error;
    const recorded = await readEvaluation(journal, evaluationId);
    if (recorded.state === 'completed') return outcomeOf(runner, evaluationId, recorded);
    return { runner, evaluationId, passed: false, detail: messageOf(error) };
  }
  return outcomeOf(runner, evaluationId, await readEvaluation(journal, evaluationId));
}

/** A test that passed in this stage epoch stands; one that failed is followed by another attempt. */
async function nextTest(
  journal: Pick<Journal, 'read'>,
  request: EvaluationRequest,
): Promise<{ evaluationId: string; evaluation: Evaluation }> {
  for (let attempt = 1; ; attempt++) {
    const evaluationId = evaluationIdOf(request, attempt);
    const evaluation = await readEvaluation(journal, evaluationId);
    const isOver = evaluation.state === 'failed' || (evaluation.state === 'completed' && !hasPassed(evaluation));
    if (!isOver) return { evaluationId, evaluation };
  }
}

function hasPassed({ result }: Evaluation): boolean {
  return result?.kind === 'rollback_test' && result.passed;
}

function outcomeOf(runner: string, evaluationId: string, evaluation: Evaluation): RunnerOutcome {
  const detail =
    evaluation.result?.kind === 'rollback_test'
      ? evaluation.result.detail
      : (evaluation.failure?.message ?? `the runner answered but journaled no result (${evaluation.state})`);
  return { runner, evaluationId, passed: hasPassed(evaluation), detail };
}

/** The tool of the real system. */
export const connect = (kit: ToolKit): Tool => runRollbackTest(kit);
