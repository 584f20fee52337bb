import { MEETING_PHASES, type MeetingPhase, PLANNING_ROLES, type PlanningRole } from '@conclave/contracts';
import { hasSpoken, type Meeting } from '@conclave/core';
import { timeLimit } from '@conclave/service';
import { type Brief, rolloutsToVoteOn } from '../brief/schema.ts';
import { type Answer, askSeat, hasTimedOut } from './ask.ts';
import { hasQuorum } from './meeting-outcome.ts';
import type { MeetingPorts } from './meeting-ports.ts';
import type { MeetingRecord } from './record.ts';

/** A seat that timed out in so many phases is not asked again in this meeting. */
const TIMEOUTS_BORNE = 2;

/** A meeting under way. */
export interface Sitting {
  readonly ports: Pick<MeetingPorts, 'team' | 'clock' | 'faultPoint'>;
  readonly record: MeetingRecord;
  readonly brief: Brief;
  /** The deadline, in monotonic milliseconds. */
  readonly endsAt: number;
  /** Aborted when the service stops. */
  readonly stopping: AbortSignal;
}

/**
 * Takes the missing turns, phase after phase. A phase may use an equal share of the time that is left for it and those after it, so
 * whoever hangs in one leaves the others theirs.
 * @returns false when the deadline came before the last phase.
 * @throws CVE_CANCELLED when `stopping` is aborted; errors of the journal.
 */
export async function holdPhases(sitting: Sitting): Promise<boolean> {
  const { ports, record, brief, endsAt } = sitting;
  for (const [index, phase] of MEETING_PHASES.entries()) {
    const missing = speakersIn(phase, brief, record.meeting).filter((role) => !hasSpoken(record.meeting, phase, role));
    if (missing.length === 0) continue;
    const leftMs = endsAt - ports.clock.monotonicMs();
    if (leftMs <= 0) return false;
    await takeTurns(sitting, phase, missing, leftMs / (MEETING_PHASES.length - index));
  }
  return true;
}

/** Without a challenge there is nothing to revise; without a rollout in a stage, nothing to vote on; without quorum, nothing to synthesise. */
function speakersIn(phase: MeetingPhase, brief: Brief, { turns }: Meeting): readonly PlanningRole[] {
  switch (phase) {
    case 'statement':
      return PLANNING_ROLES;
    case 'challenge':
      return ['critic'];
    case 'revision': {
      const isChallenged = turns.some((turn) => turn.phase === 'challenge');
      return isChallenged ? PLANNING_ROLES.filter((role) => role !== 'critic') : [];
    }
    case 'ballot':
      return rolloutsToVoteOn(brief).length > 0 ? PLANNING_ROLES : [];
    case 'synthesis':
      return hasQuorum(brief, turns) ? ['moderator'] : [];
  }
}

/** One phase: these turns in parallel, each judged on what was on record before the phase. */
async function takeTurns(
  { ports, record, brief, stopping }: Sitting,
  phase: MeetingPhase,
  roles: readonly PlanningRole[],
  shareMs: number,
): Promise<void> {
  stopping.throwIfAborted();
  using limit = timeLimit(ports.clock, Math.ceil(shareMs));
  const signal = AbortSignal.any([stopping, limit.signal]);
  const endsAt = ports.clock.monotonicMs() + shareMs;
  const before = record.meeting;
  const heard = before.turns.filter((turn) => turn.phase !== phase);
  const taken = await Promise.allSettled(
    roles.map(async (role): Promise<void> => {
      const id = `${brief.meetingId}:${phase}:${role}`;
      const seat = ports.team[role];
      const ask = { phase, brief, heard, idempotencyKey: id, endsAt, signal };
      const answer: Answer = givenUp(before, role) ?? (await askSeat(seat, ask, stopping, ports.clock));
      const at = ports.clock.now().toISOString();
      const isWanted = (meeting: Meeting): boolean => meeting.closed === undefined && !hasSpoken(meeting, phase, role);
      if ('absent' in answer || 'absent' in seat) {
        const reason = 'absent' in answer ? answer.absent : 'nobody fills this seat';
        await record.append({ id, type: 'meeting.advisor_absent', at, data: { phase, role, reason } }, isWanted);
      } else {
        const { text, ballots, actions, decisions } = answer.said;
        const { speaker = seat.speaker, durationMs } = answer;
        const data = { phase, role, speaker, text, ballots, content: { actions, decisions }, durationMs };
        await record.append({ id, type: 'meeting.turn_taken', at, data }, isWanted);
      }
      await ports.faultPoint('meeting.after_turn');
    }),
  );
  const failure = taken.find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}

/** Read from the record, so that a resumed meeting asks the same seats. */
function givenUp({ absences }: Meeting, role: PlanningRole): { absent: string } | undefined {
  const timedOut = absences
    .filter((absence) => absence.role === role && hasTimedOut(absence))
    .map(({ phase }) => phase);
  if (timedOut.length < TIMEOUTS_BORNE) return undefined;
  return { absent: `it timed out in ${timedOut.join(' and ')} and is not asked again in this meeting` };
}
