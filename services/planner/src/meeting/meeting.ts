import type { Journal } from '@conclave/bus';
import {
  ConclaveError,
  type HandoffDocument,
  hasSpoken,
  isConclaveError,
  type Meeting,
  type MeetingEvent,
  type MeetingPhase,
  type MeetingWork,
  PLANNING_ROLES,
  type PlanningRole,
} from '@conclave/contracts';
import type { Team } from '../advisors/advisor.ts';
import { type Brief, brief as briefSchema, rolloutsToVoteOn } from '../brief/schema.ts';
import { askSeat } from './ask.ts';
import { type Closing, hasQuorum, outcomeOf } from './outcome.ts';
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
 * 3. At the deadline it is closed without decisions, wherever it stands.
 * 4. The handoff stands in the closing event. Only then is it published, under the meeting's id, again at each redelivery.
 */

export interface MeetingPorts {
  readonly journal: Pick<Journal, 'append' | 'read'>;
  readonly team: Team;
  /** This planner's instance. */
  readonly planner: string;
  now(): Date;
  /** The brief of this meeting; called only for a meeting that is not on record yet. */
  makeBrief(work: MeetingWork, signal: AbortSignal): Promise<Brief>;
  /** Stores the handoff in the inbox; the same id is stored once. */
  publishHandoff(document: HandoffDocument, msgId: string): Promise<void>;
  faultPoint(name: string): Promise<void>;
}

/**
 * Holds a meeting to its end, from wherever it stands.
 * @throws CVE_CANCELLED when `signal` is aborted; errors of the journal.
 */
export async function holdMeeting(ports: MeetingPorts, work: MeetingWork, signal: AbortSignal): Promise<Meeting> {
  const record = new MeetingRecord(ports.journal, work.meetingId);
  await record.refresh();
  if (record.meeting.closed === undefined) await holdOpenMeeting(ports, record, work, signal);
  const { closed } = record.meeting;
  if (closed?.handoff !== undefined) await ports.publishHandoff(closed.handoff, work.meetingId);
  return record.meeting;
}

/** Closes a meeting that nobody could hold, so that the coordinator does not wait for it. */
export async function closeFailed(ports: MeetingPorts, work: MeetingWork, reason: string): Promise<void> {
  const record = new MeetingRecord(ports.journal, work.meetingId);
  await record.refresh();
  await close(ports, record, withoutDecision(work, 'failed', `The meeting could not be held: ${reason}`));
}

async function holdOpenMeeting(
  ports: MeetingPorts,
  record: MeetingRecord,
  work: MeetingWork,
  signal: AbortSignal,
): Promise<void> {
  const leftMs = Date.parse(work.deadline) - ports.now().getTime();
  const deadline = leftMs > 0 ? AbortSignal.timeout(Math.min(leftMs, 2 ** 31 - 1)) : AbortSignal.abort();
  const until = AbortSignal.any([deadline, signal]);
  try {
    until.throwIfAborted();
    const brief = await open(ports, record, work, until);
    await hold(ports, record, brief, until);
    until.throwIfAborted();
    await ports.faultPoint('meeting.before_close');
    await close(ports, record, outcomeOf(brief, record.meeting, sourceOf(work), ports.now().toISOString()));
  } catch (error) {
    if (signal.aborted) {
      throw new ConclaveError('CVE_CANCELLED', `meeting ${work.meetingId} was left because this planner stops`, {
        cause: error,
      });
    }
    if (!deadline.aborted || (isConclaveError(error) && error.retry !== 'cancelled')) throw error;
    const said = record.meeting.turns.length;
    const text = `The deadline ${work.deadline} passed with ${said} turns on record; nothing is decided and nothing handed off.`;
    await close(ports, record, withoutDecision(work, 'deadline_passed', text));
  }
}

async function open(
  ports: MeetingPorts,
  record: MeetingRecord,
  work: MeetingWork,
  signal: AbortSignal,
): Promise<Brief> {
  if (record.meeting.openedAt === undefined) {
    const brief = await ports.makeBrief(work, signal);
    const { meetingId, reason, detail, deadline } = work;
    const data = { meetingId, reason, detail, brief, deadline, planner: ports.planner };
    await record.append(
      { id: `${meetingId}:opened`, type: 'meeting.opened', at: ports.now().toISOString(), data },
      (meeting) => meeting.openedAt === undefined && meeting.closed === undefined,
    );
    await ports.faultPoint('meeting.after_opened');
  }
  return briefSchema.parse(record.meeting.brief);
}

async function hold(ports: MeetingPorts, record: MeetingRecord, brief: Brief, signal: AbortSignal): Promise<void> {
  const turns = (phase: MeetingPhase, roles: readonly PlanningRole[]) =>
    takeTurns(ports, record, brief, phase, roles, signal);
  await turns('statement', PLANNING_ROLES);
  await turns('challenge', ['critic']);
  if (record.meeting.turns.some((turn) => turn.phase === 'challenge')) {
    await turns(
      'revision',
      PLANNING_ROLES.filter((role) => role !== 'critic'),
    );
  }
  if (rolloutsToVoteOn(brief).length > 0) await turns('ballot', PLANNING_ROLES);
  if (hasQuorum(brief, record.meeting.turns)) await turns('synthesis', ['moderator']);
}

/** One phase: all missing turns in parallel, each judged on what was on record before the phase. */
async function takeTurns(
  ports: MeetingPorts,
  record: MeetingRecord,
  brief: Brief,
  phase: MeetingPhase,
  roles: readonly PlanningRole[],
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const heard = record.meeting.turns.filter((turn) => turn.phase !== phase);
  const taken = await Promise.allSettled(
    roles
      .filter((role) => !hasSpoken(record.meeting, phase, role))
      .map(async (role): Promise<void> => {
        const id = `${brief.meetingId}:${phase}:${role}`;
        const seat = ports.team[role];
        const answer = await askSeat(seat, { phase, brief, heard, idempotencyKey: id, signal });
        const at = ports.now().toISOString();
        const isWanted = (meeting: Meeting): boolean =>
          meeting.closed === undefined && !hasSpoken(meeting, phase, role);
        if ('absent' in answer || 'absent' in seat) {
          const reason = 'absent' in answer ? answer.absent : 'nobody fills this seat';
          await record.append({ id, type: 'meeting.advisor_absent', at, data: { phase, role, reason } }, isWanted);
        } else {
          const { text, ballots, actions, decisions } = answer.said;
          const { speaker } = seat;
          const { durationMs } = answer;
          const data = { phase, role, speaker, text, ballots, content: { actions, decisions }, durationMs };
          await record.append({ id, type: 'meeting.turn_taken', at, data }, isWanted);
        }
        await ports.faultPoint('meeting.after_turn');
      }),
  );
  const failure = taken.find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}

async function close(ports: MeetingPorts, record: MeetingRecord, data: Closing): Promise<void> {
  const event: MeetingEvent = {
    id: `${data.meetingId}:closed`,
    type: 'meeting.closed',
    at: ports.now().toISOString(),
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
