import { z } from 'zod';
import { digest, modelName, versionName } from '../names.ts';
import { openObject, recordedName } from '../open-object.ts';
import { eventOf } from './event.ts';

/** Offline evaluation of one bundle on one dataset, with a paired comparison against another bundle if given. */
export const offlineRequest = openObject({
  kind: z.literal('offline'),
  model: modelName,
  version: versionName,
  digest,
  dataset: digest,
  /** `dataset`: its own, where that is another. It is measured on that one if it cannot search the documents of `dataset` above. */
  baseline: openObject({ version: versionName, digest, dataset: digest.optional() }).optional(),
});

/** A runner's rollback test in one stage epoch. */
export const rollbackTestRequest = openObject({
  kind: z.literal('rollback_test'),
  model: modelName,
  version: versionName,
  digest,
  rolloutId: z.string(),
  stageEpoch: z.number().int().nonnegative(),
  runner: z.string(),
});

export const evaluationRequest = z.discriminatedUnion('kind', [offlineRequest, rollbackTestRequest]);
export type EvaluationRequest = z.infer<typeof evaluationRequest>;

const estimate = openObject({ value: z.number(), low: z.number(), high: z.number() });

const offlineResult = openObject({
  kind: z.literal('offline'),
  /** Queries that count: those with at least one relevant document. */
  queries: z.number().int().nonnegative(),
  /** Queries left out because no document is relevant to them. */
  emptyQueries: z.number().int().nonnegative(),
  documents: z.number().int().nonnegative(),
  /** Means with 95% percentile-bootstrap intervals over queries. */
  metrics: z.record(recordedName, estimate),
  comparison: openObject({
    baselineVersion: versionName,
    baselineDigest: digest,
    /** The baseline's own dataset, when it was measured on the documents of that: both were asked the same queries. */
    baselineDataset: digest.optional(),
    /** Then also: the same over the queries for which the baseline has a relevant document, where alone there is something to lose. */
    shared: openObject({
      difference: estimate,
      lossPValue: z.number().min(0).max(1),
      queries: z.number().int().nonnegative(),
    }).optional(),
    /** Mean of paired differences, candidate minus baseline, in NDCG@10. */
    difference: estimate,
    /** One-sided p-value of the paired permutation test for a loss (Smucker et al. 2007). */
    lossPValue: z.number().min(0).max(1),
    queries: z.number().int().nonnegative(),
  }).optional(),
  /** Why there is no comparison although one was asked for. What was measured of the version itself stands all the same. */
  baselineFailure: openObject({
    baselineVersion: versionName,
    baselineDigest: digest,
    code: z.string(),
    message: z.string(),
  }).optional(),
  durationMs: z.number().nonnegative(),
});

const rollbackTestResult = openObject({
  kind: z.literal('rollback_test'),
  passed: z.boolean(),
  probes: z.number().int().nonnegative(),
  failedProbes: z.number().int().nonnegative(),
  /** Largest difference of scores of stable before, during and after the swap, in parts of the score where that is above 1. */
  maxDifference: z.number().nonnegative(),
  tolerance: z.number().nonnegative(),
  /** Time from the order until only stable answered, and back. */
  swapToStableMs: z.number().nonnegative(),
  swapBackMs: z.number().nonnegative(),
  detail: z.string(),
});

export const evaluationResult = z.discriminatedUnion('kind', [offlineResult, rollbackTestResult]);
export type EvaluationResult = z.infer<typeof evaluationResult>;
export type OfflineResult = z.infer<typeof offlineResult>;
export type RollbackTestResult = z.infer<typeof rollbackTestResult>;

/** Events of `conclave.journal.evaluations.<id>`. Single writer: the gpu-runner. */
export const evaluationEvent = z.discriminatedUnion('type', [
  eventOf(
    'evaluation.started',
    openObject({ request: evaluationRequest, runner: z.string(), attempt: z.number().int().min(1) }),
  ),
  eventOf('evaluation.progressed', openObject({ done: z.number().int(), total: z.number().int() })),
  eventOf(
    'evaluation.completed',
    openObject({ request: evaluationRequest, result: evaluationResult, runner: z.string() }),
  ),
  eventOf(
    'evaluation.failed',
    openObject({ request: evaluationRequest, runner: z.string(), code: z.string(), message: z.string() }),
  ),
]);
export type EvaluationEvent = z.infer<typeof evaluationEvent>;

/** Body of `conclave.work.evaluation`. */
export const evaluationWork = openObject({ evaluationId: z.string(), request: evaluationRequest });
export type EvaluationWork = z.infer<typeof evaluationWork>;
