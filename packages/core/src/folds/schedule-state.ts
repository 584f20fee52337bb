import type { ActionOutcome, MeetingReason, PlannedAction, Priority } from '@conclave/contracts';

export interface ScheduledAction extends PlannedAction {
  readonly origin: 'meeting' | 'user';
  readonly state: 'waiting' | 'dispatched' | 'ended';
  readonly attempt: number;
  readonly dispatchedAt: string | undefined;
  readonly outcome: ActionOutcome | undefined;
  readonly endedAt: string | undefined;
  readonly acceptedAt: string;
}

export interface AcceptedPlan {
  readonly planId: string;
  readonly digest: string;
  readonly source: string;
  readonly origin: 'meeting' | 'user';
  readonly acceptedAt: string;
  readonly actionIds: readonly string[];
}

export interface CalledMeeting {
  readonly meetingId: string;
  readonly slot: number;
  readonly reason: MeetingReason;
  readonly detail: string;
  readonly calledAt: string;
  /** Sequence of the commit that called it: what the meeting could know. */
  readonly calledSeq: number;
  readonly deadline: string;
  /** Keys of what there was to act on. */
  readonly agenda: readonly string[];
  readonly endedAt: string | undefined;
  readonly outcome: string | undefined;
}

export interface ScheduleState {
  readonly seq: number;
  readonly leader: string | undefined;
  readonly leaderEpoch: number;
  readonly lastMeetingSlot: number;
  readonly lastHeartbeatSlot: number;
  readonly lastHeartbeatAt: string | undefined;
  /** Meetings called, newest first, at most `KEPT_MEETINGS`. */
  readonly meetings: readonly CalledMeeting[];
  /** When the meetings of the last hour were called, newest first: what bounds them. */
  readonly callTimes: readonly string[];
  readonly skips: readonly { readonly slot: number; readonly reason: string; readonly at: string }[];
  /**
   * The newest plans with their digests, `KEPT_PLANS` of each origin and every one with an action on record, so that the same document
   * is known again and its id cannot be taken with other content.
   */
  readonly plans: Readonly<Record<string, AcceptedPlan>>;
  /** Actions that have not ended and the last `KEPT_ENDED` that have, in order of acceptance. */
  readonly actions: Readonly<Record<string, ScheduledAction>>;
  /** What the leader asks of the above at every turn. */
  readonly index: ScheduleIndex;
}

/** How far an open action's executor has come. */
export interface NotedRun {
  /** Start of the newest attempt. */
  readonly startedAt: string | null;
  /** Set once it is completed. */
  readonly outcome: ActionOutcome | null;
}

/** A plan with an action that has not ended. */
export interface OpenPlan {
  readonly planId: string;
  /** Its place among all plans that were ever accepted. */
  readonly number: number;
  readonly acceptedAt: string;
  readonly actionIds: readonly string[];
  /** Those of its actions that take traffic back: no level and no heartbeat holds them. */
  readonly rollbackIds: readonly string[];
  /** How many actions of each level have not ended. */
  readonly unended: Record<Priority, number>;
  /** Waiting actions that level and dependencies allow to start, rollbacks apart, in the document's order. */
  ready: readonly string[];
  /** The list of `ScheduleIndex.ready` that it stands in. */
  listed: Priority | null;
}

/** Dispatched actions of one attempt in order of dispatch; those before `from`, and some behind it, have been started since. */
export interface Dispatched {
  ids: string[];
  from: number;
  unstarted: number;
}

/** A plan, and its place among all. */
export interface KeptPlan {
  readonly planId: string;
  readonly number: number;
}

/** A plan of which every action has ended; the first `forgotten` of them are on record no more. */
export interface FinishedPlan extends KeptPlan {
  forgotten: number;
}

export type Origin = AcceptedPlan['origin'];

/** What the leader asks of the schedule, ready to be read; kept by `schedule-index.ts`. */
export interface ScheduleIndex {
  /** Plans accepted so far. */
  accepted: number;
  readonly open: Record<string, OpenPlan>;
  /** Plans with something ready, by the level they are at, oldest first. */
  readonly ready: Record<Priority, string[]>;
  /** Waiting actions that take traffic back and may start. */
  readonly rollbacks: Record<string, true>;
  /** Waiting actions of which something they depend on has ended without success. */
  readonly blocked: Record<string, true>;
  /** What is on record of the runs of open actions. */
  readonly runs: Record<string, NotedRun>;
  /** Dispatched actions that nobody has started, by their attempt. */
  readonly unstarted: Record<string, Dispatched>;
  /** Open actions that may bring a rollout further or back: the others name a tool that cannot. */
  readonly bearing: Record<string, true>;
  /** Ended actions on record. */
  ended: number;
  /** Finished plans with actions on record, oldest first. */
  readonly finished: FinishedPlan[];
  /** Plans without actions on record, oldest first. */
  readonly idle: Record<Origin, KeptPlan[]>;
  /** Plans on record. */
  readonly kept: Record<Origin, number>;
  /** The newest plan of a user of which every action has ended. */
  newestResults: KeptPlan | null;
}
