import type {
  Ballot,
  Commit,
  HandoffDocument,
  MeetingDecision,
  MeetingEvent,
  MeetingPhase,
  MeetingReason,
  PlanningRole,
  Speaker,
} from '@conclave/contracts';

export interface Turn {
  readonly phase: MeetingPhase;
  readonly role: PlanningRole;
  readonly at: string;
  readonly speaker: Speaker;
  readonly text: string;
  readonly ballots: readonly Ballot[];
  readonly content: unknown;
  readonly durationMs: number;
}

export interface Meeting {
  readonly meetingId: string;
  readonly seq: number;
  readonly reason: MeetingReason | undefined;
  readonly detail: string;
  readonly brief: unknown;
  readonly openedAt: string | undefined;
  readonly deadline: string | undefined;
  readonly turns: readonly Turn[];
  readonly absences: readonly { readonly phase: MeetingPhase; readonly role: PlanningRole; readonly reason: string }[];
  readonly closed:
    | {
        readonly at: string;
        readonly outcome: 'decided' | 'no_quorum' | 'deadline_passed' | 'failed';
        readonly summary: string;
        readonly decisions: readonly MeetingDecision[];
        readonly dissent: readonly string[];
        readonly handoff: HandoffDocument | undefined;
      }
    | undefined;
}

export function initialMeeting(meetingId: string): Meeting {
  return {
    meetingId,
    seq: 0,
    reason: undefined,
    detail: '',
    brief: undefined,
    openedAt: undefined,
    deadline: undefined,
    turns: [],
    absences: [],
    closed: undefined,
  };
}

/** One turn per phase and role counts, the first; a closed meeting stays as it was closed. */
export function foldMeeting(state: Meeting, commit: Commit<MeetingEvent>): Meeting {
  return { ...commit.events.reduce(applyMeetingEvent, state), seq: commit.seq };
}

function applyMeetingEvent(state: Meeting, event: MeetingEvent): Meeting {
  if (state.closed !== undefined) return state;
  switch (event.type) {
    case 'meeting.opened': {
      if (state.openedAt !== undefined) return state;
      const { reason, detail, brief, deadline } = event.data;
      return { ...state, reason, detail, brief, deadline, openedAt: event.at };
    }
    case 'meeting.turn_taken': {
      const { phase, role, speaker, text, ballots = [], content, durationMs } = event.data;
      if (hasSpoken(state, phase, role)) return state;
      return {
        ...state,
        turns: [...state.turns, { phase, role, at: event.at, speaker, text, ballots, content, durationMs }],
      };
    }
    case 'meeting.advisor_absent':
      return hasSpoken(state, event.data.phase, event.data.role)
        ? state
        : { ...state, absences: [...state.absences, event.data] };
    case 'meeting.closed': {
      const { outcome, summary, decisions, dissent, handoff } = event.data;
      return { ...state, closed: { at: event.at, outcome, summary, decisions, dissent, handoff } };
    }
  }
}

/** True when the advisor's turn of the phase is on record, taken or absent: a resumed meeting does not ask again. */
export function hasSpoken(meeting: Meeting, phase: MeetingPhase, role: PlanningRole): boolean {
  const same = (entry: { phase: MeetingPhase; role: PlanningRole }) => entry.phase === phase && entry.role === role;
  return meeting.turns.some(same) || meeting.absences.some(same);
}
