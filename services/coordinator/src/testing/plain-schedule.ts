import { type ActionOutcome, type Commit, PRIORITIES, type ScheduleEvent } from '@conclave/contracts';
import type { AcceptedPlan, CalledMeeting, ScheduledAction, World } from '@conclave/core';
import { isRollbackOrder } from '@conclave/core';
import type { CoordinatorOptions } from '../coordinator-options.ts';
import { isNewSlot, slotOf } from '../schedule/heartbeat.ts';

/*
 * Dispatch as heartbeat.ts numbers it, in the plainest way: everything is copied and looked at anew each time. What the indexes of the
 * schedule answer is held against this.
 */

export interface PlainSchedule {
  readonly lastHeartbeatSlot: number;
  readonly meetings: readonly Pick<CalledMeeting, 'meetingId' | 'deadline' | 'endedAt'>[];
  readonly plans: Readonly<Record<string, AcceptedPlan>>;
  readonly actions: Readonly<Record<string, ScheduledAction>>;
}

export const emptyPlainSchedule: PlainSchedule = { lastHeartbeatSlot: -1, meetings: [], plans: {}, actions: {} };

const KEPT_ENDED = 300;

export function foldPlain(state: PlainSchedule, commit: Commit<ScheduleEvent>): PlainSchedule {
  return commit.events.reduce(applyPlain, state);
}

function applyPlain(state: PlainSchedule, event: ScheduleEvent): PlainSchedule {
  switch (event.type) {
    case 'schedule.leader_elected':
    case 'schedule.meeting_skipped':
      return state;
    case 'schedule.meeting_called':
      return { ...state, meetings: [{ ...event.data, endedAt: undefined }, ...state.meetings] };
    case 'schedule.meeting_ended': {
      const { meetingId } = event.data;
      const meetings = state.meetings.map((m) => (m.meetingId === meetingId ? { ...m, endedAt: event.at } : m));
      return { ...state, meetings };
    }
    case 'schedule.heartbeat':
      return { ...state, lastHeartbeatSlot: event.data.slot };
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
  state: PlainSchedule,
  event: Extract<ScheduleEvent, { type: 'schedule.plan_accepted' }>,
): PlainSchedule {
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
  return { ...state, plans: { ...state.plans, [planId]: plan }, actions: all };
}

function changeAction(state: PlainSchedule, actionId: string, change: Partial<ScheduledAction>): PlainSchedule {
  const action = state.actions[actionId];
  if (action === undefined || action.state === 'ended') return state;
  return { ...state, actions: { ...state.actions, [actionId]: { ...action, ...change } } };
}

function forgetOldest(state: PlainSchedule): PlainSchedule {
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

type Runs = World['actions'];
type Pace = CoordinatorOptions['heartbeat'];
interface Ended {
  readonly actionId: string;
  readonly outcome: ActionOutcome;
}
interface PlainBeat {
  readonly slot: number;
  readonly drains: boolean;
  readonly dispatch: readonly ScheduledAction[];
}

/** What a turn ends, or else what it dispatches. */
export interface PlainDecision {
  readonly ended: readonly Ended[];
  readonly lost: readonly string[];
  readonly rollbacks: readonly string[];
  /** In the order of rank. */
  readonly ranked: readonly string[];
  readonly beats: boolean;
}

export function decidePlain(state: PlainSchedule, runs: Runs, now: Date, options: CoordinatorOptions): PlainDecision {
  const ended = [...endedActions(state, runs, now, options), ...blockedActions(state)];
  const [meeting] = state.meetings;
  const isOver =
    meeting !== undefined && meeting.endedAt === undefined && now.getTime() > Date.parse(meeting.deadline) + 15_000;
  if (ended.length > 0 || isOver) return { ended, lost: [], rollbacks: [], ranked: [], beats: false };
  const beat = planHeartbeat(state, now, options.heartbeat);
  const ids = (actions: readonly ScheduledAction[]): string[] => actions.map(({ actionId }) => actionId);
  return {
    ended,
    lost: ids(lostActions(state, runs, now, options)),
    rollbacks: ids(waitingRollbacks(state)),
    ranked: ids(beat?.dispatch ?? []),
    beats: beat !== undefined && isNewSlot(beat.slot, state.lastHeartbeatSlot),
  };
}

/** The newest plan of a user of which every action has ended; ids that look like numbers would not stand in order. */
export function plainResults({ actions, plans }: PlainSchedule): string | undefined {
  const open = new Set(
    Object.values(actions)
      .filter((a) => a.state !== 'ended')
      .map((a) => a.planId),
  );
  return Object.values(plans)
    .filter((plan) => plan.origin === 'user' && !open.has(plan.planId))
    .at(-1)?.planId;
}

const AGEING_HEARTBEATS = 6;

/** Waiting actions that take traffic back: dispatched as soon as all they depend on has succeeded. */
function waitingRollbacks(state: PlainSchedule): ScheduledAction[] {
  return Object.values(state.actions).filter(
    (action) => action.state === 'waiting' && isRollbackOrder(action) && isUnlocked(action, state),
  );
}

/** What is dispatched now beside rollbacks; undefined when no heartbeat is due. */
function planHeartbeat(state: PlainSchedule, now: Date, pace: Pace): PlainBeat | undefined {
  const slot = slotOf(now, pace.heartbeatIntervalSeconds);
  const drains = isLastBeforeMeeting(slot, pace);
  const ready = rank(readyActions(state), now, pace).filter((action) => !isRollbackOrder(action));
  if (isNewSlot(slot, state.lastHeartbeatSlot))
    return { slot, drains, dispatch: drains ? ready : ready.slice(0, pace.actionsPerHeartbeat) };
  return drains && ready.length > 0 ? { slot, drains, dispatch: ready } : undefined;
}

function isLastBeforeMeeting(slot: number, { heartbeatIntervalSeconds, meetingIntervalSeconds }: Pace): boolean {
  const nextBeat = (slot + 1) * heartbeatIntervalSeconds;
  return (
    Math.floor(nextBeat / meetingIntervalSeconds) >
    Math.floor((slot * heartbeatIntervalSeconds) / meetingIntervalSeconds)
  );
}

/** Waiting actions whose level and dependencies allow them to start. */
function readyActions(state: PlainSchedule): ScheduledAction[] {
  const byPlan = Map.groupBy(Object.values(state.actions), (action) => action.planId);
  return [...byPlan.values()].flatMap((actions) => {
    const level = PRIORITIES.find((p) => actions.some((a) => a.priority === p && a.state !== 'ended'));
    return actions.filter((a) => a.priority === level && a.state === 'waiting' && isUnlocked(a, state));
  });
}

function isUnlocked({ dependsOn }: ScheduledAction, state: PlainSchedule): boolean {
  return dependsOn.every((id) => state.actions[id]?.outcome === 'succeeded');
}

/** Waiting actions that can never start because one they depend on ended without success. */
function blockedActions(state: PlainSchedule): { actionId: string; outcome: ActionOutcome }[] {
  return Object.values(state.actions)
    .filter((a) => a.state === 'waiting')
    .filter((a) =>
      a.dependsOn.some((id) => {
        const dependency = state.actions[id];
        return dependency?.state === 'ended' && dependency.outcome !== 'succeeded';
      }),
    )
    .map(({ actionId }) => ({ actionId, outcome: 'blocked' }));
}

function rank(actions: ScheduledAction[], now: Date, pace: Pace): ScheduledAction[] {
  const agedRank = (action: ScheduledAction): number => {
    const waitedSeconds = (now.getTime() - Date.parse(action.acceptedAt)) / 1000;
    const raised = Math.floor(waitedSeconds / (AGEING_HEARTBEATS * pace.heartbeatIntervalSeconds));
    return Math.max(0, PRIORITIES.indexOf(action.priority) - raised);
  };
  return actions.toSorted(
    (a, b) => agedRank(a) - agedRank(b) || (a.acceptedAt < b.acceptedAt ? -1 : a.acceptedAt > b.acceptedAt ? 1 : 0),
  );
}

function endedActions(state: PlainSchedule, runs: Runs, now: Date, options: CoordinatorOptions): Ended[] {
  return Object.values(state.actions).flatMap((action): Ended[] => {
    if (action.state !== 'dispatched') return [];
    const { actionId } = action;
    const run = runs[actionId];
    if (run?.completed !== undefined) return [{ actionId, outcome: run.completed.outcome }];
    // What nobody has started has had no effect: it waits, however long, for somebody to come back.
    if (run?.startedAt === undefined) return [];
    // From its start, however long it waited for one; a later attempt has its own time.
    const sinceSeconds = (now.getTime() - Date.parse(run.lastStartedAt ?? run.startedAt)) / 1000;
    // The executor stops an action at its timeout; twice that means nobody is left who could.
    return sinceSeconds > 2 * options.actionTimeoutSeconds ? [{ actionId, outcome: 'uncertain' }] : [];
  });
}

const LONGEST_REDISPATCH_MS = 3_600_000;

/**
 * Dispatched actions that nobody started. The work may be lost, or its owner away or busy: so each further attempt waits twice as long,
 * lest a day without an executor fills journal and queue.
 */
function lostActions(state: PlainSchedule, runs: Runs, now: Date, options: CoordinatorOptions): ScheduledAction[] {
  return Object.values(state.actions).filter(
    (a) =>
      a.state === 'dispatched' &&
      runs[a.actionId]?.startedAt === undefined &&
      now.getTime() - Date.parse(a.dispatchedAt ?? a.acceptedAt) >
        Math.min(LONGEST_REDISPATCH_MS, options.redispatchAfterMs * 2 ** Math.min(a.attempt - 1, 20)),
  );
}
