import { quantile, type StageSummary, shareOf } from '@conclave/contracts';
import type { Rollout } from '@conclave/core';
import type { StageTelemetry } from '../gates/stage-telemetry.ts';

/** What the stage was asked to serve and did serve; undefined before the first stage. */
export function summariseStage(
  rollout: Rollout,
  telemetry: StageTelemetry,
  verdicts: StageSummary['verdicts'],
): StageSummary | undefined {
  if (rollout.stage === undefined) return undefined;
  const live = telemetry.candidateLiveRequests + telemetry.stableRequests;
  return {
    stage: rollout.stage,
    stageEpoch: rollout.stageEpoch,
    askedShare: shareOf(rollout.stage),
    measuredShare: live === 0 ? null : telemetry.candidateLiveRequests / live,
    candidateRequests: telemetry.total?.requests ?? 0,
    candidateErrors: telemetry.total?.errors ?? 0,
    stableRequests: telemetry.stableRequests,
    latencyP95Ms: telemetry.total === undefined ? null : (quantile(telemetry.total.latency, 0.95) ?? null),
    verdicts,
  };
}
