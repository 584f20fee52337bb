import { type ActionOutcome, type Commit, entryOf, type ScheduleEvent } from '@conclave/contracts';
import {
  forgetEnded,
  forgetPlans,
  indexDispatch,
  indexEnd,
  indexPlan,
  initialIndex,
  refreshPlan,
} from './schedule-index.ts';
import type { AcceptedPlan, CalledMeeting, ScheduledAction, ScheduleState } from './schedule-state.ts';

/** The state as the fold changes it, in place. */
interface Schedule extends ScheduleState {
  seq: number;
  leader: string | undefined;
  leaderEpoch: number;
  lastMeetingSlot: number;
  lastHeartbeatSlot: number;
  lastHeartbeatAt: string | undefined;
  meetings: readonly CalledMeeting[];
  callTimes: readonly string[];
  skips: ScheduleState['skips'];
  readonly plans: Record<string, AcceptedPlan>;
  readonly actions: Record<string, ScheduledAction>;
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
    index: initialIndex(),
  };
}

/** Folds a commit into the state itself and returns it: a copy of what is open would cost more with each open action. */
export function foldSchedule(state: ScheduleState, commit: Commit<ScheduleEvent>): ScheduleState {
  const schedule: Schedule = state;
  const changed = new Set<string>();
  for (const event of commit.events) {
    const planId = applyScheduleEvent(schedule, event, commit.seq);
    if (planId !== undefined) changed.add(planId);
  }
  for (const planId of changed) refreshPlan(schedule, planId);
  schedule.seq = commit.seq;
  return schedule;
}

/** Returns the plan of which something has changed. */
function applyScheduleEvent(state: Schedule, event: ScheduleEvent, seq: number): string | undefined {
  switch (event.type) {
    case 'schedule.leader_elected':
      state.leader = event.data.leader;
      state.leaderEpoch = event.data.leaderEpoch;
      return undefined;
    case 'schedule.meeting_called':
      callMeeting(state, event, seq);
      return undefined;
    case 'schedule.meeting_skipped':
      state.lastMeetingSlot = event.data.slot;
      state.skips = [{ ...event.data, at: event.at }, ...state.skips].slice(0, KEPT_SKIPS);
      return undefined;
    case 'schedule.meeting_ended': {
      const { meetingId, outcome } = event.data;
      state.meetings = state.meetings.map((m) =>
        m.meetingId === meetingId ? { ...m, endedAt: event.at, outcome } : m,
      );
      return undefined;
    }
    case 'schedule.heartbeat':
      state.lastHeartbeatSlot = event.data.slot;
      state.lastHeartbeatAt = event.at;
      return undefined;
    case 'schedule.plan_accepted':
      return acceptPlan(state, event);
    case 'schedule.action_dispatched': {
      const { actionId, attempt } = event.data;
      const before = changeAction(state, actionId, { state: 'dispatched', attempt, dispatchedAt: event.at });
      if (before !== undefined) indexDispatch(state, before, attempt);
      return before?.planId;
    }
    case 'schedule.action_superseded':
      return endAction(state, event.data.actionId, 'superseded', event.at);
    case 'schedule.action_ended':
      return endAction(state, event.data.actionId, event.data.outcome, event.at);
  }
}

type EventOf<T extends ScheduleEvent['type']> = Extract<ScheduleEvent, { type: T }>;

function callMeeting(state: Schedule, event: EventOf<'schedule.meeting_called'>, seq: number): void {
  const called: CalledMeeting = {
    ...event.data,
    agenda: event.data.agenda ?? [],
    calledAt: event.at,
    calledSeq: seq,
    endedAt: undefined,
    outcome: undefined,
  };
  const hourAgo = Date.parse(event.at) - HOUR_MS;
  state.lastMeetingSlot = event.data.slot;
  state.meetings = [called, ...state.meetings].slice(0, KEPT_MEETINGS);
  state.callTimes = [event.at, ...state.callTimes.filter((at) => Date.parse(at) > hourAgo)];
}

function acceptPlan(state: Schedule, event: EventOf<'schedule.plan_accepted'>): string | undefined {
  const { planId, digest, source, origin, actions } = event.data;
  // The leader accepts a plan once; whatever else stands there has no second life.
  if (entryOf(state.plans, planId) !== undefined) return undefined;
  const added = actions.map(
    (action): ScheduledAction => ({
      ...action,
      origin,
      state: 'waiting',
      attempt: 0,
      dispatchedAt: undefined,
      outcome: undefined,
      endedAt: undefined,
      acceptedAt: event.at,
    }),
  );
  for (const action of added) state.actions[action.actionId] = action;
  const actionIds = actions.map((a) => a.actionId);
  const plan: AcceptedPlan = { planId, digest, source, origin, acceptedAt: event.at, actionIds };
  state.plans[planId] = plan;
  indexPlan(state, plan, added);
  forgetPlans(state, KEPT_PLANS);
  return planId;
}

/** Returns the action as it was; undefined for one that is not there or has ended. */
function changeAction(
  state: Schedule,
  actionId: string,
  change: Partial<ScheduledAction>,
): ScheduledAction | undefined {
  const action = entryOf(state.actions, actionId);
  if (action === undefined || action.state === 'ended') return undefined;
  state.actions[actionId] = { ...action, ...change };
  return action;
}

function endAction(state: Schedule, actionId: string, outcome: ActionOutcome, at: string): string | undefined {
  const before = changeAction(state, actionId, { state: 'ended', outcome, endedAt: at });
  if (before === undefined) return undefined;
  indexEnd(state, before);
  forgetEnded(state, KEPT_ENDED);
  forgetPlans(state, KEPT_PLANS);
  return before.planId;
}
