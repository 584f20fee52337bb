import type { MeetingReason } from '@conclave/contracts';
import type { CalledMeeting, World } from '@conclave/core';
import { type AgendaItem, agendaOf } from './agenda.ts';
import { isNewSlot, slotOf } from './heartbeat.ts';

export interface MeetingPace {
  readonly meetingIntervalSeconds: number;
  readonly earlyMeetingGapSeconds: number;
  /** Default: see `mostPerHour`. */
  readonly meetingsPerHour?: number | undefined;
  /** A measurement that runs and says nothing for so long has lost its runner. */
  readonly staleSeconds: number;
}

export type MeetingDecision =
  | {
      readonly kind: 'call';
      readonly meetingId: string;
      readonly slot: number;
      readonly reason: MeetingReason;
      readonly detail: string;
      readonly agenda: readonly string[];
    }
  | { readonly kind: 'skip'; readonly slot: number; readonly reason: string };

/*
 * When a meeting is called:
 * 1. Only for something that advisors can act on (`agendaOf`), and one at a time.
 * 2. Something new is met about at the next regular slot, or before it where it is urgent, `earlyMeetingGapSeconds` after the last
 *    meeting and at most `meetingsPerHour`.
 * 3. What a meeting has dealt with and what still stands is met about again at a later regular slot: the next, then after 2, 4 and 8
 *    slots, for whatever became of the last plan, nobody is waited for. Meetings that could not decide do not lengthen this.
 * 4. A slot without anything is skipped, with what is waited for as its reason.
 */

/** Longest distance between two meetings about the same, in slots. */
const LONGEST_BACKOFF_SLOTS = 8;
/** Of the meetings in an hour, so many are left to incidents. */
const LEFT_TO_INCIDENTS = 2;
const HOUR_MS = 3_600_000;
/** Keys of an agenda that a call records. */
const AGENDA_ITEMS = 100;

/** Whether a meeting is called now. Pure and deterministic: the same journal and time name the same meeting. */
export function decideMeeting(world: World, now: Date, pace: MeetingPace): MeetingDecision | undefined {
  const { schedule } = world;
  const last = schedule.meetings[0];
  if (last !== undefined && last.endedAt === undefined) return undefined;
  const slot = slotOf(now, pace.meetingIntervalSeconds);
  const isRegular = isNewSlot(slot, schedule.lastMeetingSlot);
  if (!isRegular && !mayMeetEarly(last, now, pace)) return undefined;

  const { items, waits } = agendaOf(world, now, pace.staleSeconds);
  const call = (reason: MeetingReason, detail: string): MeetingDecision => ({
    kind: 'call',
    meetingId: nextMeetingId(world, slot),
    slot,
    reason,
    detail,
    agenda: agendaKeys(items, schedule.meetings),
  });
  if (isRegular) {
    const due = items.find((item) => isDue(item, schedule.meetings, slot));
    if (due === undefined) return { kind: 'skip', slot, reason: nothingToDo(items, waits) };
    const before = schedule.meetings.find((m) => m.agenda.includes(due.key));
    // What would have called a meeting by itself names it at a slot too: an incident must not hide behind the clock.
    if (before === undefined && due.urgent) return call(due.reason, due.detail);
    const again = before === undefined ? '' : `, which ${before.meetingId} left open (${before.outcome})`;
    return call('slot', `regular meeting of slot ${slot}: ${due.detail}${again}`);
  }
  const calls = callsWithinHour(world, now);
  // What is left when every regular slot of the coming hour is held.
  const earlyLimit = mostPerHour(pace) - slotsPerHour(pace);
  const early = items.find(
    (item) =>
      item.urgent &&
      calls < earlyLimit - (item.reason === 'incident' ? 0 : LEFT_TO_INCIDENTS) &&
      !schedule.meetings.some((m) => m.agenda.includes(item.key)),
  );
  return early === undefined ? undefined : call(early.reason, early.detail);
}

/** What a call records of the agenda: first what no meeting has dealt with, so that however much is open, each is dealt with once. */
export function agendaKeys(items: readonly AgendaItem[], meetings: readonly CalledMeeting[]): string[] {
  const known = new Set(meetings.flatMap((meeting) => meeting.agenda));
  const keys = items.map(({ key }) => key);
  return [...keys.filter((key) => !known.has(key)), ...keys.filter((key) => known.has(key))].slice(0, AGENDA_ITEMS);
}

function slotsPerHour({ meetingIntervalSeconds }: MeetingPace): number {
  return Math.ceil(3600 / meetingIntervalSeconds);
}

/** The bound of an hour: regular slots, and early meetings for a tenth of the time or six. */
function mostPerHour(pace: MeetingPace): number {
  const early = Math.min(1000, Math.max(6, Math.ceil(360 / pace.earlyMeetingGapSeconds)));
  return pace.meetingsPerHour ?? slotsPerHour(pace) + early;
}

function mayMeetEarly(last: CalledMeeting | undefined, now: Date, pace: MeetingPace): boolean {
  if (last?.endedAt === undefined) return true;
  return (now.getTime() - Date.parse(last.endedAt)) / 1000 >= pace.earlyMeetingGapSeconds;
}

/** How many meetings were called in the hour before now. */
function callsWithinHour({ schedule }: World, now: Date): number {
  return schedule.callTimes.filter((at) => now.getTime() - Date.parse(at) < HOUR_MS).length;
}

/** At a regular slot: whether nobody has met about it yet, or long enough ago. */
function isDue({ key, reason }: AgendaItem, meetings: readonly CalledMeeting[], slot: number): boolean {
  const before = meetings.filter((m) => m.agenda.includes(key));
  const [newest] = before;
  if (newest === undefined) return true;
  const decided = before.filter((m) => m.outcome === 'decided').length;
  // News is told once; only what has to be done is met about again.
  if (decided > 0 && (reason === 'slot' || reason === 'backlog_empty' || reason === 'incident')) return false;
  const slots = Math.min(LONGEST_BACKOFF_SLOTS, 2 ** Math.max(0, decided - 1));
  return isNewSlot(slot, newest.slot) && (slot - newest.slot >= slots || slot < newest.slot);
}

function nothingToDo(items: readonly AgendaItem[], waits: readonly string[]): string {
  const [wait] = waits;
  if (wait !== undefined) return `nothing that advisors can act on: ${wait}${more(waits.length - 1)}`;
  const [item] = items;
  return item === undefined
    ? 'nothing to act on: no rollout is open'
    : `nothing has changed since the last meeting: ${item.detail}`;
}

function more(count: number): string {
  return count > 0 ? `, and ${count} more` : '';
}

/** The slot and the place in it, counted from the newest: older meetings of a long slot may be forgotten. */
export function nextMeetingId(world: World, slot: number): string {
  const prefix = `${MEETING_PREFIX}${slot}-`;
  const numbers = world.schedule.meetings
    .filter((m) => m.meetingId.startsWith(prefix))
    .map((m) => Number(m.meetingId.slice(prefix.length)));
  return `${prefix}${Math.max(0, ...numbers) + 1}`;
}

const MEETING_PREFIX = 'meeting-';

/** True of the ids of Conclave's own meetings; a handoff under such an id must be that meeting's own. */
export function isMeetingId(planId: string): boolean {
  return /^meeting-\d+-\d+$/.test(planId);
}
