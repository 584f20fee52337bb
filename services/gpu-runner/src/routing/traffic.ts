import {
  type DesiredTraffic,
  desiredTraffic,
  openRollout,
  type RolloutsState,
  type ServedVersion,
} from '@conclave/core';

/** What the rollout journal asks a runner to serve of one model. */
export interface Desired extends DesiredTraffic {
  /** Latency in milliseconds that an answer must keep to count for SLO compliance. */
  readonly latencyThresholdMs: number;
}

/** A rollback test in progress: `stable_only` sends everything to stable, `restored` is back to normal but still no evidence. */
export interface TestInProgress {
  readonly evaluationId: string;
  readonly phase: 'stable_only' | 'restored';
}

/** What a runner knows when it decides. */
export interface Situation {
  readonly desired: Desired;
  /** The journal is followed, and the leader confirmed the desired state within the last seconds. */
  readonly confirmed: boolean;
  readonly candidateReady: boolean;
  readonly test: TestInProgress | undefined;
}

/** Where requests go right now. */
export interface Traffic {
  readonly stable: ServedVersion | undefined;
  readonly candidate: DesiredTraffic['candidate'];
  /** Share of live requests that the candidate answers, 0 to 1. */
  readonly share: number;
  /** Answered requests are copied to the candidate. */
  readonly mirror: boolean;
  /** Set while windows must not count as evidence. */
  readonly excluded: string | undefined;
}

/** What the state of a model's rollouts asks for. The latency gate's threshold holds for stable too: they are compared. */
export function desiredOf(state: RolloutsState, sloLatencyMs: number): Desired {
  const gate = openRollout(state)?.definition.gates.find(
    (one) => one.source === 'telemetry' && one.metric === 'latency_p95_ms',
  );
  return { ...desiredTraffic(state), latencyThresholdMs: gate?.threshold ?? sloLatencyMs };
}

/** Where requests go. Anything in doubt goes to stable: no confirmation, a candidate that is not ready, a rollback test. */
export function trafficOf({ desired, confirmed, candidateReady, test }: Situation): Traffic {
  const { stable, candidate } = desired;
  const isOn = candidate !== undefined && confirmed && candidateReady && test?.phase !== 'stable_only';
  return {
    stable,
    candidate,
    share: isOn ? candidate.share : 0,
    mirror: isOn && candidate.mirror,
    excluded: test === undefined ? undefined : `rollback_test ${test.evaluationId}`,
  };
}
