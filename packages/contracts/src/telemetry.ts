import { z } from 'zod';
import { inferInput } from './infer.ts';
import { latencySketch } from './latency-sketch.ts';
import { digest, modelName, versionName } from './names.ts';

/**
 * One runner's measurements of one version over one short window. A window never spans a change of stage, version or
 * digest: at a switch the open window is closed and published.
 */
export const telemetryWindow = z.object({
  kind: z.literal('window'),
  runner: z.string().min(1),
  /**
   * Names the windows that this one is in order with: of one version and mode, each ends after the one before it. A runner begins another
   * series when it starts and when its clock was set back.
   */
  series: z.string().min(1).max(64).optional(),
  model: modelName,
  version: versionName,
  digest,
  /** Rollout this version is the candidate of; absent for stable. */
  rolloutId: z.string().optional(),
  stageEpoch: z.number().int().nonnegative().optional(),
  /** On a window of stable: the stage epoch of the candidate that was asked for beside it; 0 while there was none. */
  besideEpoch: z.number().int().nonnegative().optional(),
  /** `live` answers users; `mirror` is shadow traffic whose answers are thrown away. */
  mode: z.enum(['live', 'mirror']),
  from: z.iso.datetime(),
  to: z.iso.datetime(),
  requests: z.number().int().nonnegative(),
  errors: z.number().int().nonnegative(),
  /** Requests answered without error within `latencyThresholdMs`. */
  withinSlo: z.number().int().nonnegative(),
  latencyThresholdMs: z.number().positive(),
  /**
   * Latencies in milliseconds, measured at the runner from arrival to answer. A request that was given up after it had missed the
   * threshold stands here with the time it had waited, a lower bound.
   */
  latency: latencySketch,
  /** Set when the window must not count as evidence, e.g. during a rollback test. */
  excluded: z.string().optional(),
  /** On a candidate's window: the share of the stage's requests, 0 to 1, that carried the client key seen most often. */
  dominantKey: z.number().min(0).max(1).optional(),
});
export type TelemetryWindow = z.infer<typeof telemetryWindow>;

/** What a runner reports of itself every second (KV `conclave-runners`, key = runner id). */
export const runnerStatus = z.object({
  runner: z.string().min(1),
  roles: z.array(z.enum(['serve', 'evaluate'])).min(1),
  at: z.iso.datetime(),
  /** When its process started; tells a runner that is back from one that was never away. */
  startedAt: z.iso.datetime().optional(),
  /** Base URL of its Open Inference Protocol endpoint. */
  url: z.string(),
  models: z.array(
    z.object({
      model: modelName,
      /** Sequence of the last commit on the rollout's subject that this runner has applied. */
      rolloutSeq: z.number().int().nonnegative(),
      /** False while no confirmation of the desired state was heard for a few seconds: it then serves stable only. */
      confirmed: z.boolean(),
      /** What answers as stable at this moment: still the version before while the desired one is loading; null when nothing does. */
      stable: z.object({ version: versionName, digest, dataset: digest }).nullable().optional(),
      versions: z.array(
        z.object({
          version: versionName,
          digest,
          /** Digest of the dataset whose documents it searches. */
          dataset: digest.optional(),
          state: z.enum(['loading', 'ready', 'failed', 'restarting']),
          /** Warm-up time, or the error of a failed load. */
          detail: z.string(),
          /** Asked share of traffic, 0 to 1. */
          share: z.number().min(0).max(1),
          mode: z.enum(['live', 'mirror', 'idle']),
          stageEpoch: z.number().int().nonnegative().optional(),
          /** The input `query` that this version takes; absent until it is loaded. */
          input: inferInput.optional(),
        }),
      ),
    }),
  ),
});
export type RunnerStatus = z.infer<typeof runnerStatus>;

/** Core message on `conclave.desired.<model>`: the leader confirms the rollout sequence it acts on. */
export const desiredConfirmation = z.object({
  model: modelName,
  seq: z.number().int().nonnegative(),
  leader: z.string(),
  leaderEpoch: z.number().int().nonnegative(),
});
export type DesiredConfirmation = z.infer<typeof desiredConfirmation>;
