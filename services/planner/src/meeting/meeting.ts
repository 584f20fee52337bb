import { ConclaveError, type MeetingEvent, type MeetingWork } from '@conclave/contracts';
import type { Meeting } from '@conclave/core';
import { timeLimit } from '@conclave/service';
import { type Brief, brief as briefSchema } from '../brief/schema.ts';
import { type Closing, hasQuorateBallots, outcomeOf } from './meeting-outcome.ts';
import type { MeetingPorts } from './meeting-ports.ts';
import { holdPhases } from './phases.ts';
import { MeetingRecord } from './record.ts';

/*
 * A meeting, from its work message to its handoff.
 *
 *   opened -> statement (all, in parallel) -> challenge (critic) -> revision (the others) -> ballot (all) -> synthesis (moderator) -> closed -> handed off
 *
 * 1. Each step is on record before the next begins, and what is on record is never asked again: a meeting that was cut
 *    off goes on at the missing turn, under the brief it was opened with.
 * 2. Without a challenge there is nothing to revise; without a rollout in a stage, nothing to vote on; without quorum,
 *    nothing to synthesise.
 * 3. Each phase has a share of the time until the deadline; who has not spoken by its end is absent. At the deadline the
 *    meeting is closed, wherever it stands: quorate ballots on record decide, without them nothing is decided.
 * 4. The handoff stands in the closing event. Only then is it published, under the meeting's id, again at each redelivery.
 */

/**
 * Holds a meeting to its end, from wherever it stands.
 * @throws CVE_CANCELLED when `signal` is aborted; errors of the journal.
 */
export async function holdMeeting(ports: MeetingPorts, work: MeetingWork, signal: AbortSignal): Promise<Meeting> {
  const record = await MeetingRecord.open(ports.journal, work.meetingId);
  if (record.meeting.closed === undefined) await holdOpenMeeting(ports, record, work, signal);
  const { closed } = record.meeting;
  if (closed?.handoff !== undefined) await ports.publishHandoff(closed.handoff, work.meetingId);
  return record.meeting;
}

/** Closes a meeting that nobody could hold, so that the coordinator does not wait for it. */
export async function closeFailed(ports: MeetingPorts, work: MeetingWork, reason: string): Promise<void> {
  const record = await MeetingRecord.open(ports.journal, work.meetingId);
  await close(ports, record, withoutDecision(work, 'failed', `The meeting could not be held: ${reason}`));
}

async function holdOpenMeeting(
  ports: MeetingPorts,
  record: MeetingRecord,
  work: MeetingWork,
  stopping: AbortSignal,
): Promise<void> {
  const leftMs = Date.parse(work.deadline) - ports.clock.now().getTime();
  const endsAt = ports.clock.monotonicMs() + leftMs;
  using deadline = timeLimit(ports.clock, leftMs);
  try {
    const brief = await open(ports, record, work, deadline.signal, stopping);
    const isHeard = brief !== undefined && (await holdPhases({ ports, record, brief, endsAt, stopping }));
    stopping.throwIfAborted();
    await ports.faultPoint('meeting.before_close');
    const { turns } = record.meeting;
    if (brief !== undefined && (isHeard || hasQuorateBallots(brief, turns))) {
      await close(ports, record, outcomeOf(brief, record.meeting, sourceOf(work), ports.clock.now().toISOString()));
    } else {
      const text = `The deadline ${work.deadline} passed with ${turns.length} turns on record; nothing is decided and nothing handed off.`;
      await close(ports, record, withoutDecision(work, 'deadline_passed', text));
    }
  } catch (error) {
    if (!stopping.aborted) throw error;
    throw new ConclaveError('CVE_CANCELLED', `meeting ${work.meetingId} was left because this planner stops`, {
      cause: error,
    });
  }
}

/** The brief of the meeting, on record from here on; undefined when the deadline came before there was one. */
async function open(
  ports: MeetingPorts,
  record: MeetingRecord,
  work: MeetingWork,
  deadline: AbortSignal,
  stopping: AbortSignal,
): Promise<Brief | undefined> {
  if (record.meeting.openedAt === undefined) {
    if (deadline.aborted) return undefined;
    const brief = await ports.makeBrief(work, AbortSignal.any([deadline, stopping])).catch((error: unknown) => {
      if (stopping.aborted || !deadline.aborted) throw error;
      return undefined;
    });
    if (brief === undefined) return undefined;
    const { meetingId, reason, detail } = work;
    const data = { meetingId, reason, detail, brief, deadline: work.deadline, planner: ports.planner };
    await record.append(
      { id: `${meetingId}:opened`, type: 'meeting.opened', at: ports.clock.now().toISOString(), data },
      (meeting) => meeting.openedAt === undefined && meeting.closed === undefined,
    );
    await ports.faultPoint('meeting.after_opened');
  }
  return briefSchema.parse(record.meeting.brief);
}

async function close(ports: MeetingPorts, record: MeetingRecord, data: Closing): Promise<void> {
  const event: MeetingEvent = {
    id: `${data.meetingId}:closed`,
    type: 'meeting.closed',
    at: ports.clock.now().toISOString(),
    data,
  };
  await record.append(event, (meeting) => meeting.closed === undefined);
  await ports.faultPoint('meeting.after_close');
}

function withoutDecision(work: MeetingWork, outcome: Closing['outcome'], summary: string): Closing {
  return { meetingId: work.meetingId, outcome, summary, decisions: [], dissent: [] };
}

/** As the guide names it: `planning_meeting_2`. */
function sourceOf({ slot }: MeetingWork): string {
  return `planning_meeting_${slot}`;
}
