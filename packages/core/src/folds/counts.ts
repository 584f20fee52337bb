import { type Commit, entryOf, type MeetingEvent, type ScheduleEvent } from '@conclave/contracts';
import type { ActionRun } from './action.ts';
import { hasSpoken, type Meeting } from './meeting.ts';
import type { ScheduleState } from './schedule-state.ts';
import { setEntry } from './shelves.ts';

/**
 * Counts over the whole journal, which outlast what is counted. Folded like everything else, so counters made of them are the same
 * in every process and monotonic over restarts. Bounded by the names that there are: from `KEPT_NAMES` on, a new one counts as `other`.
 */
export interface Counts {
  /** Meetings by outcome; `skipped` for a slot in which nothing had changed. */
  readonly meetings: Readonly<Record<string, number>>;
  /** Ballots by `role|vote`. */
  readonly ballots: Readonly<Record<string, number>>;
  /** Ended actions by `outcome|tool`; the tool is `none` for an action that used none. */
  readonly actions: Readonly<Record<string, number>>;
}

const KEPT_NAMES = 500;

interface Counted {
  readonly counts: Counts;
  readonly schedule: Pick<ScheduleState, 'actions'>;
  readonly actions: Readonly<Record<string, ActionRun>>;
}

export function initialCounts(): Counts {
  return { meetings: {}, ballots: {}, actions: {} };
}

/** Counts, in place, what a commit of the schedule ends. @param world as the commit meets it: what it would not change is not counted */
export function countSchedule({ counts, schedule, actions }: Counted, { events }: Commit<ScheduleEvent>): void {
  const ended = new Set<string>();
  for (const { type, data } of events) {
    if (type === 'schedule.meeting_skipped') increment(counts.meetings, 'skipped');
    else if (type === 'schedule.action_ended' || type === 'schedule.action_superseded') {
      const { actionId } = data;
      const action = entryOf(schedule.actions, actionId);
      if (action === undefined || action.state === 'ended' || ended.has(actionId)) continue;
      ended.add(actionId);
      const outcome = type === 'schedule.action_ended' ? data.outcome : 'superseded';
      const tool = entryOf(actions, actionId)?.calls.at(-1)?.tool ?? action.tool ?? 'none';
      increment(counts.actions, `${outcome}|${tool}`);
    }
  }
}

/** Counts, in place, ballots and the close of a meeting. @param meeting as the commit meets it */
export function countMeeting(
  { counts }: Pick<Counted, 'counts'>,
  meeting: Meeting,
  { events }: Commit<MeetingEvent>,
): void {
  if (meeting.closed !== undefined) return;
  for (const { type, data } of events) {
    if (type === 'meeting.closed') increment(counts.meetings, data.outcome);
    else if (type === 'meeting.turn_taken' && !hasSpoken(meeting, data.phase, data.role))
      for (const { vote } of data.ballots ?? []) increment(counts.ballots, `${data.role}|${vote}`);
  }
}

function increment(counts: Record<string, number>, name: string): void {
  const known = entryOf(counts, name);
  const key = known === undefined && Object.keys(counts).length >= KEPT_NAMES ? 'other' : name;
  setEntry(counts, key, (entryOf(counts, key) ?? 0) + 1);
}
