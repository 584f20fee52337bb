import { addLatency, emptySketch, type RunnerStatus, type TelemetryWindow } from '@conclave/contracts';
import { evaluationIdOf, openRollout } from '@conclave/core';
import { estimate } from '@conclave/histories';
import { CANDIDATE_DIGEST, MODEL, STABLE_DIGEST, type TestWorld } from './test-world.ts';

/** A runner's report with the candidate in a state, at an epoch (default the present one). */
export function runner(t: TestWorld, state: 'ready' | 'loading' | 'failed', stageEpoch?: number): RunnerStatus {
  return {
    runner: 'gpu-runner-0',
    roles: ['serve', 'evaluate'],
    at: t.now.toISOString(),
    url: 'http://127.0.0.1:1',
    models: [
      {
        model: MODEL,
        rolloutSeq: t.state.seq,
        confirmed: true,
        versions: [
          {
            version: '1.0',
            digest: CANDIDATE_DIGEST,
            state,
            detail: 'detail',
            share: 0,
            mode: 'mirror',
            stageEpoch: stageEpoch ?? t.state.stageEpoch,
          },
        ],
      },
    ],
  };
}

export interface WindowShape {
  readonly requests: number;
  readonly latencyMs: number;
  readonly errors?: number;
  readonly stageEpoch?: number;
  readonly digest?: string;
  readonly excluded?: string;
}

/** A window of the candidate that ends now. */
export function window(
  t: TestWorld,
  { requests, latencyMs, errors = 0, stageEpoch, digest = CANDIDATE_DIGEST, excluded }: WindowShape,
): TelemetryWindow {
  const latency = emptySketch();
  for (let i = 0; i < requests - errors; i++) addLatency(latency, latencyMs);
  return {
    kind: 'window',
    runner: 'gpu-runner-0',
    model: MODEL,
    version: '1.0',
    digest,
    stageEpoch: stageEpoch ?? t.state.stageEpoch,
    mode: 'live',
    from: new Date(t.now.getTime() - 1000).toISOString(),
    to: t.now.toISOString(),
    requests,
    errors,
    withinSlo: latencyMs <= 50 ? requests - errors : 0,
    latencyThresholdMs: 50,
    latency,
    ...(excluded === undefined ? {} : { excluded }),
  };
}

/** Records an offline evaluation of the candidate. */
export function evaluated(
  t: TestWorld,
  ndcg: number,
  options: {
    queries?: number;
    difference?: number;
    lossPValue?: number;
    digest?: string;
    dataset?: string;
    /** The dataset on which the baseline was measured, where that is its own. */
    baselineDataset?: string;
    /** The queries that its documents answer then, and the difference over these. */
    shared?: { queries: number; difference: number; lossPValue: number };
    /** Why the baseline could not be measured. */
    baselineFailure?: string;
  } = {},
): void {
  const {
    queries = 600,
    difference = 0.02,
    lossPValue = 0.9,
    digest,
    dataset,
    baselineDataset,
    baselineFailure,
  } = options;
  const { shared = { queries, difference, lossPValue } } = options;
  const request = t.offlineRequest({
    ...(digest === undefined ? {} : { digest }),
    ...(dataset === undefined ? {} : { dataset }),
  });
  const baseline = { baselineVersion: '0.9', baselineDigest: STABLE_DIGEST };
  const own =
    baselineDataset === undefined
      ? {}
      : { baselineDataset, shared: { ...shared, difference: estimate(shared.difference) } };
  t.evaluated(ndcg, {
    id: `${evaluationIdOf(request)}-${t.commits.length}`,
    request,
    result: {
      queries,
      ...(baselineFailure === undefined
        ? { comparison: { ...baseline, ...own, difference: estimate(difference), lossPValue, queries } }
        : {
            comparison: undefined,
            baselineFailure: { ...baseline, code: 'CVE_BUNDLE_INVALID', message: baselineFailure },
          }),
    },
  });
}

/** Records a rollback test of the present (or another) stage epoch. */
export function rollbackTested(t: TestWorld, passed: boolean, stageEpoch?: number): void {
  if (openRollout(t.state) === undefined) return;
  const request = t.rollbackTestRequest(stageEpoch === undefined ? {} : { stageEpoch });
  t.rollbackTested(passed, { id: `${evaluationIdOf(request)}-${t.commits.length}`, request });
}
