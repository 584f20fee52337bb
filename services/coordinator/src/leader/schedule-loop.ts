import type { WorkQueue } from '@conclave/bus';
import {
  type ActionWork,
  aggregates,
  isConclaveError,
  type MeetingWork,
  type PlannedAction,
  parseHandoff,
  type ScheduleEvent,
  subjects,
} from '@conclave/contracts';
import { type ScheduledAction, type ScheduleState, unstartedWhile, type World, workSubjectOf } from '@conclave/core';
import type { WorldWriter } from '@conclave/service';
import { type Clock, faultPoint } from '@conclave/service';
import type { CoordinatorOptions } from '../coordinator-options.ts';
import { blockedActions, isNewSlot, planHeartbeat, waitingRollbacks } from '../schedule/heartbeat.ts';
import { lostPlan } from '../schedule/intake.ts';
import { decideMeeting } from '../schedule/meetings.ts';
import { takeInPlan } from '../schedule/take-in-plan.ts';

type EventType = ScheduleEvent['type'];
type DataOf<T extends EventType> = Extract<ScheduleEvent, { type: T }>['data'];

export interface ScheduleLoop {
  /** Records what is due now, then publishes the work that follows from it. Returns whether more is due than fitted into one commit. */
  tick(): Promise<boolean>;
  /** Publishes again what was recorded but perhaps never published: a leader may have died between the two. */
  recover(): Promise<void>;
}

/** The clock of the leader: ends, heartbeats, meetings and the sweep of work that nobody started. */
export function scheduleLoop(
  writer: WorldWriter,
  queue: WorkQueue,
  clock: Clock,
  options: CoordinatorOptions,
  world: () => World,
): ScheduleLoop {
  const publishAction = async ({ actionId, attempt }: DataOf<'schedule.action_dispatched'>): Promise<void> => {
    const action = world().schedule.actions[actionId];
    if (action === undefined) return;
    const work: ActionWork = { action: plannedOf(action), attempt };
    await queue.publish(workSubjectOf(action), work, { msgId: `${actionId}#${attempt}` });
  };
  // Of the meeting that was last published: when, and how often.
  let published = { meetingId: '', round: 0, atMs: 0 };

  /** Publishes the work of a called meeting until a planner has opened it, whoever called it and whatever was lost on the way. */
  const publishCalledMeeting = async (): Promise<void> => {
    const { schedule, meetings } = world();
    const [meeting] = schedule.meetings;
    if (meeting === undefined || meeting.endedAt !== undefined) return;
    const { meetingId, slot, reason, detail, deadline } = meeting;
    if (meetings[meetingId]?.openedAt !== undefined) return;
    const known = published.meetingId === meetingId ? published : { meetingId, round: 0, atMs: 0 };
    const nowMs = performance.now();
    // Each further round waits twice as long, as with actions: a planner that is away finds no heap of messages.
    if (known.round > 0 && nowMs - known.atMs < options.redispatchAfterMs * 2 ** (known.round - 1)) return;
    published = { meetingId, round: known.round + 1, atMs: nowMs };
    const work: MeetingWork = { meetingId, slot, reason, detail, deadline };
    await queue.publish(subjects.workMeeting, work, { msgId: `${meetingId}#${published.round}` });
  };

  let refusedPlan: string | undefined;
  /** A meeting's plan that did not come by the inbox, wherever it was lost. */
  const takeInLostPlan = async (): Promise<void> => {
    const lost = lostPlan(world(), clock.now(), options.redispatchAfterMs);
    if (lost === undefined || lost.meeting_id === refusedPlan) return;
    try {
      await takeInPlan(parseHandoff(lost), writer, clock);
    } catch (error) {
      // One that is refused stays refused: told once, and its rollouts are met about again.
      if (isConclaveError(error) && error.retry === 'terminal') refusedPlan = lost.meeting_id;
      throw error;
    }
  };

  return {
    async tick() {
      const events = await writer.commit(aggregates.schedule, (now) => decideSchedule(now, clock.now(), options));
      if (events.length > 0) await faultPoint('coordinator.after_schedule');
      const dispatched = events.flatMap((event) => (isType(event, 'schedule.action_dispatched') ? [event.data] : []));
      await inFlight(MOST_IN_FLIGHT, dispatched, publishAction);
      await publishCalledMeeting();
      await takeInLostPlan();
      return events.length >= MOST_ACTIONS;
    },
    async recover() {
      await inFlight(MOST_IN_FLIGHT, [...unstartedWhile(world().schedule, () => true)], publishAction);
      await publishCalledMeeting();
    },
  };
}

/** Work messages that are published at a time: the server stores many in one go for little more than one. */
const MOST_IN_FLIGHT = 64;

function plannedOf(action: ScheduledAction): PlannedAction {
  const {
    origin: _o,
    state: _s,
    attempt: _a,
    dispatchedAt: _d,
    outcome: _u,
    endedAt: _e,
    acceptedAt: _c,
    ...planned
  } = action;
  return planned;
}

/** Does something with each item, in order and at most so many at a time. When all have ended, the first failure is thrown. */
async function inFlight<T>(most: number, items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const failures: unknown[] = [];
  const lane = async (): Promise<void> => {
    for (const item of rest) await act(item).catch((error: unknown) => failures.push(error));
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, lane));
  if (failures.length > 0) throw failures[0];
}

function isType<T extends EventType>(
  event: { type: string; data?: unknown },
  type: T,
): event is { type: T; data: DataOf<T> } {
  return event.type === type;
}

/** Actions that one commit dispatches or ends: with the longest ids there are it stays well under the limit of a commit. */
const MOST_ACTIONS = 500;

/** What is due on the schedule at a moment, as one commit; where it is more than fits, the next turn goes on with the rest. Pure. */
export function decideSchedule(world: World, now: Date, options: CoordinatorOptions): ScheduleEvent[] {
  const events: ScheduleEvent[] = [];
  const add = <T extends EventType>(type: T, key: string, data: DataOf<T>): void => {
    // Ids follow from the content, so that a commit whose answer was lost is recognised as one's own.
    events.push({ id: `${type}:${key}`, type, at: now.toISOString(), data } as Extract<ScheduleEvent, { type: T }>);
  };
  const left = (): number => MOST_ACTIONS - events.length;
  for (const ended of endedActions(world, now, options).slice(0, left()))
    add('schedule.action_ended', ended.actionId, ended);
  for (const blocked of blockedActions(world.schedule).slice(0, left()))
    add('schedule.action_ended', blocked.actionId, blocked);
  const meeting = world.schedule.meetings[0];
  const outcome =
    meeting === undefined || meeting.endedAt !== undefined ? undefined : meetingOutcome(world, meeting, now);
  if (meeting !== undefined && outcome !== undefined)
    add('schedule.meeting_ended', meeting.meetingId, { meetingId: meeting.meetingId, outcome });
  // What follows looks at ended actions and meetings, so it waits for the turn that sees them.
  if (events.length > 0) return events;

  const dispatch = ({ actionId, attempt }: ScheduledAction): void =>
    add('schedule.action_dispatched', `${actionId}#${attempt + 1}`, { actionId, attempt: attempt + 1 });
  waitingRollbacks(world.schedule).slice(0, left()).forEach(dispatch);
  lostActions(world.schedule, now, options).take(left()).forEach(dispatch);
  const heartbeat = planHeartbeat(world.schedule, now, options.heartbeat, left());
  if (heartbeat !== undefined) {
    const { slot, drains } = heartbeat;
    if (isNewSlot(slot, world.schedule.lastHeartbeatSlot))
      add('schedule.heartbeat', String(slot), { slot, drains, dispatched: heartbeat.dispatch.length });
    heartbeat.dispatch.forEach(dispatch);
  }
  const due = decideMeeting(world, now, options.meetings);
  if (due?.kind === 'call') {
    const { kind: _kind, ...called } = due;
    const deadline = new Date(now.getTime() + options.meetings.meetingDeadlineSeconds * 1000).toISOString();
    add('schedule.meeting_called', called.meetingId, { ...called, agenda: [...called.agenda], deadline });
  } else if (due?.kind === 'skip')
    add('schedule.meeting_skipped', String(due.slot), { slot: due.slot, reason: due.reason });
  return events;
}

function endedActions(
  { schedule: { index, actions } }: World,
  now: Date,
  options: CoordinatorOptions,
): DataOf<'schedule.action_ended'>[] {
  return Object.entries(index.runs).flatMap(([actionId, run]): DataOf<'schedule.action_ended'>[] => {
    if (actions[actionId]?.state !== 'dispatched') return [];
    if (run.outcome !== null) return [{ actionId, outcome: run.outcome }];
    // What nobody has started has had no effect: it waits, however long, for somebody to come back.
    if (run.startedAt === null) return [];
    // From its start, however long it waited for one; a later attempt has its own time.
    const sinceSeconds = (now.getTime() - Date.parse(run.startedAt)) / 1000;
    // The executor stops an action at its timeout; twice that means nobody is left who could.
    return sinceSeconds > 2 * options.actionTimeoutSeconds ? [{ actionId, outcome: 'uncertain' }] : [];
  });
}

function meetingOutcome(world: World, meeting: { meetingId: string; deadline: string }, now: Date): string | undefined {
  const closed = world.meetings[meeting.meetingId]?.closed;
  if (closed !== undefined) return closed.outcome;
  const graceMs = 15_000;
  return now.getTime() > Date.parse(meeting.deadline) + graceMs ? 'deadline_passed' : undefined;
}

const LONGEST_REDISPATCH_MS = 3_600_000;

/**
 * Dispatched actions that nobody started. The work may be lost, or its owner away or busy: so each further attempt waits twice as long,
 * lest a day without an executor fills journal and queue.
 */
function lostActions(schedule: ScheduleState, now: Date, options: CoordinatorOptions): Generator<ScheduledAction> {
  return unstartedWhile(
    schedule,
    (action) =>
      now.getTime() - Date.parse(action.dispatchedAt ?? action.acceptedAt) >
      Math.min(LONGEST_REDISPATCH_MS, options.redispatchAfterMs * 2 ** Math.min(action.attempt - 1, 20)),
  );
}
