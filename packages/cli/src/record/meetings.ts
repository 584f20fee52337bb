import { type Bus, openJournal } from '@conclave/bus';
import { aggregates, readableEvents } from '@conclave/contracts';
import { foldMeeting, initialMeeting, type Meeting } from '@conclave/core';
import { readAggregate } from '@conclave/service';
import { readThrough } from '../read-world.ts';
import { unknownId } from './unknown-id.ts';

/** A meeting in a list. */
export interface MeetingSummary {
  readonly meetingId: string;
  readonly openedAt: string;
  readonly closedAt: string | null;
  /** `in_session`, or how it ended. */
  readonly outcome: string;
  readonly reason: string | null;
  readonly detail: string;
  readonly summary: string;
  readonly decisions: number;
  readonly actions: number;
  readonly absent: readonly string[];
}

/** Every meeting on record, whatever its age, in the order in which they were opened. */
export async function readMeetings(bus: Bus): Promise<MeetingSummary[]> {
  const open = new Map<string, Meeting>();
  const all = new Map<string, MeetingSummary>();
  await readThrough(bus, ['meetings'], (commit) => {
    const { id } = commit.aggregate;
    const events = readableEvents('meetings', commit);
    const meeting = foldMeeting(open.get(id) ?? initialMeeting(id), { ...commit, events });
    // What was said in a closed one may be long, and is not needed here.
    if (meeting.closed === undefined) open.set(id, meeting);
    else open.delete(id);
    if (!all.has(id) || meeting.openedAt !== undefined) all.set(id, summaryOf(meeting, commit.storedAt));
  });
  return [...all.values()];
}

/** One meeting of any age, from its own subject. @throws CVE_MEETING_UNKNOWN naming ids close to it */
export async function readMeeting(bus: Bus, meetingId: string): Promise<Meeting> {
  const meeting = await readAggregate(openJournal(bus, { by: 'conclave-cli' }), aggregates.meeting(meetingId), {
    initial: initialMeeting(meetingId),
    fold: foldMeeting,
    unread: 'pass_over',
  });
  if (meeting.seq > 0) return meeting;
  const known = (await readMeetings(bus)).map((meeting) => meeting.meetingId).reverse();
  const list = 'conclave meetings list';
  throw unknownId('CVE_MEETING_UNKNOWN', { what: 'meeting', given: meetingId, list }, known);
}

function summaryOf(meeting: Meeting, storedAt: string): MeetingSummary {
  const { meetingId, openedAt = storedAt, closed, reason = null, detail, absences } = meeting;
  return {
    meetingId,
    openedAt,
    closedAt: closed?.at ?? null,
    outcome: closed?.outcome ?? 'in_session',
    reason,
    detail,
    summary: closed?.summary ?? '',
    decisions: closed?.decisions.length ?? 0,
    actions: closed?.handoff?.actions.length ?? 0,
    absent: [...new Set(absences.map(({ role }) => role))],
  };
}
