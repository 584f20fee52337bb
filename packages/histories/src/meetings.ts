import {
  aggregates,
  type Ballot,
  type HandoffDocument,
  handoffDocument,
  type MeetingDecision,
  type MeetingPhase,
  PLANNING_ROLES,
  type PlanningRole,
} from '@conclave/contracts';
import { nextStage } from '@conclave/core';
import { RULES } from './actions.ts';
import { type DataOf, type Draft, draft } from './draft.ts';
import { EvaluationHistory } from './evaluations.ts';

export type VoteOf = (role: PlanningRole) => Ballot['vote'];

export interface MeetingTold {
  readonly meetingId: string;
  readonly slot?: number;
  readonly reason?: DataOf<'schedule.meeting_called'>['reason'];
  readonly detail?: string;
  /** Who votes how on the open rollout; without it nobody is asked. */
  readonly votes?: VoteOf;
  readonly absent?: readonly PlanningRole[];
  /** What is said in a phase. */
  readonly says?: (phase: MeetingPhase, role: PlanningRole) => Partial<DataOf<'meeting.turn_taken'>>;
  readonly reasons?: (vote: Ballot['vote'], role: PlanningRole) => string;
  readonly brief?: unknown;
  readonly summary?: string;
  readonly dissent?: readonly string[];
  readonly handoff?: HandoffDocument;
  /** Leaves `schedule.meeting_called` out, where it was told with a heartbeat. */
  readonly wasCalled?: boolean;
}

/** What the planner records: who said what, and what was decided. */
export abstract class MeetingHistory extends EvaluationHistory {
  meetingOpened(meetingId: string, change: Partial<DataOf<'meeting.opened'>> = {}): this {
    const deadline = new Date(this.now.getTime() + 600_000).toISOString();
    const data = { meetingId, reason: 'slot', detail: '', brief: {}, deadline, planner: 'planner-0' } as const;
    return this.commit(aggregates.meeting(meetingId), draft('meeting.opened', { ...data, ...change }));
  }

  turn(
    meetingId: string,
    phase: MeetingPhase,
    role: PlanningRole,
    change: Partial<DataOf<'meeting.turn_taken'>> = {},
  ): this {
    const data = { phase, role, speaker: RULES, text: `${role} speaks`, durationMs: 1800, ...change };
    return this.commit(aggregates.meeting(meetingId), draft('meeting.turn_taken', data));
  }

  absent(
    meetingId: string,
    role: PlanningRole,
    phase: MeetingPhase = 'statement',
    reason = 'no key in GOOGLE_API_KEY',
  ): this {
    return this.commit(aggregates.meeting(meetingId), draft('meeting.advisor_absent', { phase, role, reason }));
  }

  meetingClosed(meetingId: string, change: Partial<DataOf<'meeting.closed'>> = {}): this {
    const data = {
      meetingId,
      outcome: 'decided',
      summary: 'Nothing new needs doing.',
      decisions: [],
      dissent: [],
    } as const;
    return this.commit(
      aggregates.meeting(meetingId),
      draft('meeting.closed', { ...data, decisions: [], dissent: [], ...change }),
    );
  }

  /** One role's ballot on the open rollout, by default on the verdicts as they stand; `needs` are those of a no_go. */
  ballot(
    role: PlanningRole,
    vote: Ballot['vote'],
    { reason = 'because', verdictSet = this.verdictSet, needs }: Partial<Ballot> = {},
  ): Draft {
    const asked = vote === 'no_go' && needs !== undefined ? { needs } : {};
    const ballots = [{ rolloutId: this.rollout.rolloutId, verdictSet, vote, reason, ...asked }];
    return draft('meeting.turn_taken', {
      phase: 'ballot',
      role,
      speaker: RULES,
      text: reason,
      ballots,
      durationMs: 900,
    });
  }

  /** What a meeting found about the open rollout. */
  decision(decision: 'go' | 'no_go', change: Partial<MeetingDecision> = {}): MeetingDecision {
    const { rolloutId, definition, stage = 'shadow', stageEpoch } = this.rollout;
    const { model, version } = definition;
    const toStage = nextStage(this.rollout);
    return {
      rolloutId,
      model,
      version,
      stage,
      stageEpoch,
      ...(toStage === undefined ? {} : { toStage }),
      verdictSet: this.verdictSet,
      decision,
      yes: [],
      no: [],
      abstained: [],
      reason: 'a majority',
      ...change,
    };
  }

  /** A whole meeting, from the call to its end; its plan and the vote on the rollout are told apart. */
  meeting(told: MeetingTold): this {
    const { meetingId, slot = 1, reason = 'slot', detail = 'regular', votes, absent = [], says = () => ({}) } = told;
    const present = PLANNING_ROLES.filter((role) => !absent.includes(role));
    const deadline = new Date(this.now.getTime() + 600_000).toISOString();
    if (told.wasCalled !== true) this.called({ meetingId, slot, reason, detail, deadline });
    this.wait(1).meetingOpened(meetingId, { reason, detail, deadline, brief: told.brief ?? {} });
    const speak = (phase: MeetingPhase, role: PlanningRole) =>
      this.wait(2).turn(meetingId, phase, role, says(phase, role));
    for (const role of present) speak('statement', role);
    for (const role of absent) this.absent(meetingId, role);
    speak('challenge', 'critic');
    for (const role of present) if (role !== 'moderator') speak('revision', role);
    const { reasons = () => 'because' } = told;
    if (votes !== undefined)
      for (const role of present)
        this.wait(1).commit(
          aggregates.meeting(meetingId),
          this.ballot(role, votes(role), { reason: reasons(votes(role), role) }),
        );
    speak('synthesis', 'moderator');
    const sides = votes === undefined ? undefined : sidesOf(present, votes);
    const decisions =
      sides === undefined ? [] : [this.decision(sides.yes.length > sides.no.length ? 'go' : 'no_go', sides)];
    const { summary = 'It goes on.', dissent = [], handoff } = told;
    return this.wait(2).meetingClosed(meetingId, {
      summary,
      decisions,
      dissent: [...dissent],
      ...(handoff === undefined ? {} : { handoff: handoffDocument.parse(handoff) }),
    });
  }
}

/** Who is for it, against it and neither. */
export function sidesOf(
  roles: readonly PlanningRole[],
  votes: VoteOf,
): { yes: PlanningRole[]; no: PlanningRole[]; abstained: PlanningRole[] } {
  const those = (vote: Ballot['vote']) => roles.filter((role) => votes(role) === vote);
  return { yes: those('go'), no: those('no_go'), abstained: those('abstain') };
}
