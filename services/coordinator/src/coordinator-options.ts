import type { ConclaveConfig } from '@conclave/contracts';
import type { TallyRules } from '@conclave/core';
import type { HeartbeatPace } from './schedule/heartbeat.ts';
import type { MeetingPace } from './schedule/meetings.ts';

/** What the coordinator takes from the configuration. */
export interface CoordinatorOptions {
  readonly heartbeat: HeartbeatPace;
  readonly meetings: MeetingPace & { readonly meetingDeadlineSeconds: number };
  readonly tally: TallyRules;
  readonly soakSeconds: number;
  /** Longest time for which a no_go on complete evidence stands. */
  readonly noGoSeconds: number;
  readonly actionTimeoutSeconds: number;
  readonly redispatchAfterMs: number;
  readonly evidenceMaxAgeSeconds: number;
  readonly readyTimeoutSeconds: number;
  readonly leaseTtlMs: number;
}

export function optionsOf({ pace, limits, meeting }: ConclaveConfig): CoordinatorOptions {
  return {
    heartbeat: { ...pace, actionsPerHeartbeat: limits.actionsPerHeartbeat },
    meetings: { ...pace, staleSeconds: limits.actionTimeoutSeconds },
    tally: meeting,
    soakSeconds: pace.soakSeconds,
    noGoSeconds: pace.noGoSeconds,
    ...limits,
  };
}
