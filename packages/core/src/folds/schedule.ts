import type { ActionOutcome, Commit, MeetingReason, PlannedAction, ScheduleEvent } from '@conclave/contracts';

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
}

const KEPT_MEETINGS = 50;
const KEPT_SKIPS = 20;
const KEPT_ENDED = 300;
const KEPT_PLANS = { meeting: 100, user: 1000 } as const;
const HOUR_MS = 3_600_000;

export function initialSchedule(): ScheduleState {
  return {
    seq: 0,
    leader: undefined,
    leaderEpoch: 0,
    lastMeetingSlot: -1,
    lastHeartbeatSlot: -1,
    lastHeartbeatAt: undefined,
    meetings: [],
    callTimes: [],
    skips: [],
    plans: {},
    actions: {},
  };
}

export function foldSchedule(state: ScheduleState, commit: Commit<ScheduleEvent>): ScheduleState {
  return {
    ...commit.events.reduce((folded, event) => applyScheduleEvent(folded, event, commit.seq), state),
    seq: commit.seq,
  };
}

function applyScheduleEvent(state: ScheduleState, event: ScheduleEvent, seq: number): ScheduleState {
  switch (event.type) {
    case 'schedule.leader_elected':
      return { ...state, leader: event.data.leader, leaderEpoch: event.data.leaderEpoch };
    case 'schedule.meeting_called': {
      const called: CalledMeeting = {
        ...event.data,
        agenda: event.data.agenda ?? [],
        calledAt: event.at,
        calledSeq: seq,
        endedAt: undefined,
        outcome: undefined,
      };
      const meetings = [called, ...state.meetings].slice(0, KEPT_MEETINGS);
      const hourAgo = Date.parse(event.at) - HOUR_MS;
      const callTimes = [event.at, ...state.callTimes.filter((at) => Date.parse(at) > hourAgo)];
      return { ...state, lastMeetingSlot: event.data.slot, meetings, callTimes };
    }
    case 'schedule.meeting_skipped': {
      const skips = [{ ...event.data, at: event.at }, ...state.skips].slice(0, KEPT_SKIPS);
      return { ...state, lastMeetingSlot: event.data.slot, skips };
    }
    case 'schedule.meeting_ended': {
      const { meetingId, outcome } = event.data;
      return {
        ...state,
        meetings: state.meetings.map((m) => (m.meetingId === meetingId ? { ...m, endedAt: event.at, outcome } : m)),
      };
    }
    case 'schedule.heartbeat':
      return { ...state, lastHeartbeatSlot: event.data.slot, lastHeartbeatAt: event.at };
    case 'schedule.plan_accepted':
      return acceptPlan(state, event);
    case 'schedule.action_dispatched': {
      const { actionId, attempt } = event.data;
      return changeAction(state, actionId, { state: 'dispatched', attempt, dispatchedAt: event.at });
    }
    case 'schedule.action_superseded':
      return forgetOldest(
        changeAction(state, event.data.actionId, { state: 'ended', outcome: 'superseded', endedAt: event.at }),
      );
    case 'schedule.action_ended':
      return forgetOldest(
        changeAction(state, event.data.actionId, { state: 'ended', outcome: event.data.outcome, endedAt: event.at }),
      );
  }
}

function acceptPlan(
  state: ScheduleState,
  event: Extract<ScheduleEvent, { type: 'schedule.plan_accepted' }>,
): ScheduleState {
  const { planId, digest, source, origin, actions } = event.data;
  const plan: AcceptedPlan = {
    planId,
    digest,
    source,
    origin,
    acceptedAt: event.at,
    actionIds: actions.map((a) => a.actionId),
  };
  const added = Object.fromEntries(
    actions.map((action): [string, ScheduledAction] => [
      action.actionId,
      {
        ...action,
        origin,
        state: 'waiting',
        attempt: 0,
        dispatchedAt: undefined,
        outcome: undefined,
        endedAt: undefined,
        acceptedAt: event.at,
      },
    ]),
  );
  const all = { ...state.actions, ...added };
  return { ...state, plans: newestPlans({ ...state.plans, [planId]: plan }, all, origin), actions: all };
}

/** Without the oldest plan of this origin that has no action on record, where there are too many of it. */
function newestPlans(
  plans: ScheduleState['plans'],
  actions: ScheduleState['actions'],
  origin: AcceptedPlan['origin'],
): ScheduleState['plans'] {
  const same = Object.values(plans).filter((plan) => plan.origin === origin);
  if (same.length <= KEPT_PLANS[origin]) return plans;
  const idle = same.filter((plan) => plan.actionIds.every((id) => actions[id] === undefined));
  // Not the first key: an object puts ids that look like numbers before all others.
  const oldest = idle.toSorted((a, b) => (a.acceptedAt < b.acceptedAt ? -1 : 1))[0];
  if (oldest === undefined) return plans;
  const { [oldest.planId]: _forgotten, ...kept } = plans;
  return kept;
}

function changeAction(state: ScheduleState, actionId: string, change: Partial<ScheduledAction>): ScheduleState {
  const action = state.actions[actionId];
  if (action === undefined || action.state === 'ended') return state;
  return { ...state, actions: { ...state.actions, [actionId]: { ...action, ...change } } };
}

function forgetOldest(state: ScheduleState): ScheduleState {
  const ended = Object.values(state.actions).filter((a) => a.state === 'ended');
  if (ended.length <= KEPT_ENDED) return state;
  const unfinishedPlans = new Set(
    Object.values(state.actions)
      .filter((a) => a.state !== 'ended')
      .map((a) => a.planId),
  );
  const forgotten = new Set(
    ended
      .filter((a) => !unfinishedPlans.has(a.planId))
      .slice(0, ended.length - KEPT_ENDED)
      .map((a) => a.actionId),
  );
  return { ...state, actions: Object.fromEntries(Object.entries(state.actions).filter(([id]) => !forgotten.has(id))) };
}
