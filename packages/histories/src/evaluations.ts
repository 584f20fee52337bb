import { aggregates, type EvaluationRequest, type OfflineResult, type RollbackTestResult } from '@conclave/contracts';
import { evaluationIdOf } from '@conclave/core';
import { ActionHistory } from './actions.ts';
import { draft } from './draft.ts';

type Offline = Extract<EvaluationRequest, { kind: 'offline' }>;
type RollbackTest = Extract<EvaluationRequest, { kind: 'rollback_test' }>;

export interface EvaluationOptions<Request, Result> {
  /** Default: as the coordinator names it. */
  readonly id?: string;
  readonly request?: Partial<Request>;
  readonly result?: Partial<Result>;
  readonly runner?: string;
}

/** A mean with its interval. */
export function estimate(value: number, halfWidth = 0.03): { value: number; low: number; high: number } {
  return { value, low: value - halfWidth, high: value + halfWidth };
}

/** What the gpu-runner measures offline and tests. */
export abstract class EvaluationHistory extends ActionHistory {
  /** An offline evaluation of the candidate beside the stable version. */
  offlineRequest(change: Partial<Offline> = {}): Offline {
    const { model, candidate: version, stable } = this.cast;
    const baseline = { version: stable, digest: this.digestOf(stable) };
    const digest = this.digestOf(change.version ?? version);
    return { kind: 'offline', model, version, digest, dataset: this.datasetDigest, baseline, ...change };
  }

  rollbackTestRequest(change: Partial<RollbackTest> = {}): RollbackTest {
    const { rolloutId, stageEpoch, definition } = this.rollout;
    const { model, version, digest } = definition;
    return { kind: 'rollback_test', model, version, digest, rolloutId, stageEpoch, runner: 'gpu-runner-0', ...change };
  }

  evaluationStarted(
    request: EvaluationRequest,
    { id = evaluationIdOf(request), attempt = 1, runner = 'gpu-runner-0' } = {},
  ): this {
    return this.commit(aggregates.evaluation(id), draft('evaluation.started', { request, runner, attempt }));
  }

  evaluationProgressed(id: string, done: number, total: number): this {
    return this.commit(aggregates.evaluation(id), draft('evaluation.progressed', { done, total }));
  }

  evaluationFailed(
    request: EvaluationRequest,
    {
      id = evaluationIdOf(request),
      code = 'CVE_BUNDLE_INVALID',
      message = 'it cannot be loaded',
      runner = 'gpu-runner-0',
    } = {},
  ): this {
    return this.commit(aggregates.evaluation(id), draft('evaluation.failed', { request, runner, code, message }));
  }

  /** An offline evaluation with its result; a request without baseline compares with nothing. */
  evaluated(ndcg = 0.741, options: EvaluationOptions<Offline, OfflineResult> = {}): this {
    const request = this.offlineRequest(options.request);
    const { baseline } = request;
    const result: OfflineResult = {
      kind: 'offline',
      queries: 600,
      emptyQueries: 0,
      documents: 1311,
      metrics: { 'ndcg@10': estimate(ndcg), 'ndcg@10_exponential': estimate(ndcg) },
      ...(baseline === undefined
        ? {}
        : {
            comparison: {
              baselineVersion: baseline.version,
              baselineDigest: baseline.digest,
              difference: estimate(0.02),
              lossPValue: 0.9,
              queries: 600,
            },
          }),
      durationMs: 1200,
      ...options.result,
    };
    return this.#completed(request, result, options);
  }

  /** A rollback test in the present stage epoch. */
  rollbackTested(passed = true, options: EvaluationOptions<RollbackTest, RollbackTestResult> = {}): this {
    const request = this.rollbackTestRequest(options.request);
    const result: RollbackTestResult = {
      kind: 'rollback_test',
      passed,
      probes: 40,
      failedProbes: passed ? 0 : 1,
      maxDifference: 0,
      tolerance: 1e-4,
      swapToStableMs: 3,
      swapBackMs: 5,
      detail: passed ? '40 probes, all traffic on stable within 3 ms' : 'stable answered otherwise',
      ...options.result,
    };
    return this.#completed(request, result, options);
  }

  #completed(
    request: EvaluationRequest,
    result: OfflineResult | RollbackTestResult,
    { id = evaluationIdOf(request), runner = 'gpu-runner-0' }: { id?: string; runner?: string },
  ): this {
    return this.commit(aggregates.evaluation(id), draft('evaluation.completed', { request, result, runner }));
  }
}
