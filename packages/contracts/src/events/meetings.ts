import { z } from 'zod';
import { recordedHandoff } from '../handoff.ts';
import { openObject } from '../open-object.ts';
import { planningRole } from '../roles.ts';
import { stageName } from '../stages.ts';
import { speaker } from './actions.ts';
import { eventOf } from './event.ts';
import { meetingReason } from './schedule.ts';

export const vote = z.enum(['go', 'no_go', 'abstain']);

/** One advisor's vote on one rollout's next step, on exactly one verdict set. */
export const ballot = openObject({
  rolloutId: z.string(),
  verdictSet: z.string(),
  vote,
  reason: z.string().min(1).max(2000),
  /** With a no_go: tools whose new success on this model would lift it. */
  needs: z.array(z.string().max(100)).max(10).optional(),
  /** With a no_go: minutes after which to vote again in any case; the configuration's `pace.noGoSeconds` bounds it. */
  reconsiderMinutes: z.number().positive().optional(),
});
export type Ballot = z.infer<typeof ballot>;

export const meetingDecision = openObject({
  rolloutId: z.string(),
  model: z.string(),
  version: z.string(),
  stage: stageName,
  stageEpoch: z.number().int().nonnegative(),
  /** Stage that `go` leads to; absent when the rollout stands in its last. */
  toStage: stageName.optional(),
  verdictSet: z.string(),
  decision: z.enum(['go', 'no_go']),
  yes: z.array(z.string()),
  no: z.array(z.string()),
  abstained: z.array(z.string()),
  reason: z.string(),
});
export type MeetingDecision = z.infer<typeof meetingDecision>;

export const MEETING_PHASES = ['statement', 'challenge', 'revision', 'ballot', 'synthesis'] as const;
export const meetingPhase = z.enum(MEETING_PHASES);
export type MeetingPhase = z.infer<typeof meetingPhase>;

/** Events of `conclave.journal.meetings.<id>`. Single writer: the planner. */
export const meetingEvent = z.discriminatedUnion('type', [
  eventOf(
    'meeting.opened',
    openObject({
      meetingId: z.string(),
      reason: meetingReason,
      detail: z.string(),
      /** What every advisor was told; the planner's schema, kept as it was. */
      brief: z.unknown(),
      deadline: z.iso.datetime(),
      planner: z.string(),
    }),
  ),
  eventOf(
    'meeting.turn_taken',
    openObject({
      phase: meetingPhase,
      role: planningRole,
      speaker,
      /** What was said, for the transcript. */
      text: z.string(),
      /** Structured content of the turn; ballots in the ballot phase. */
      ballots: z.array(ballot).optional(),
      content: z.unknown().optional(),
      durationMs: z.number().nonnegative(),
    }),
  ),
  /** An advisor that could not speak in a phase, and why. Quorum decides. */
  eventOf('meeting.advisor_absent', openObject({ phase: meetingPhase, role: planningRole, reason: z.string() })),
  eventOf(
    'meeting.closed',
    openObject({
      meetingId: z.string(),
      outcome: z.enum(['decided', 'no_quorum', 'deadline_passed', 'failed']),
      summary: z.string(),
      decisions: z.array(meetingDecision),
      dissent: z.array(z.string()),
      handoff: recordedHandoff.optional(),
    }),
  ),
]);
export type MeetingEvent = z.infer<typeof meetingEvent>;
