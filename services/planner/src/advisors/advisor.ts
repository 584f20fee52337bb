import { ballot, type MeetingPhase, type PlanningRole, type Speaker } from '@conclave/contracts';
import type { Turn } from '@conclave/core';
import { z } from 'zod';
import type { Brief } from '../brief/schema.ts';

/** An action as an advisor proposes it: the handoff's words, unchecked. `depends_on` counts places in the same list from 1. */
const proposedAction = z.object({
  action: z.string().min(1),
  owner: z.string(),
  priority: z.string(),
  estimated_duration: z.string().default(''),
  success_criteria: z.string().default(''),
  tool: z.string().optional(),
  args: z.record(z.string(), z.unknown()).optional(),
  depends_on: z.array(z.number().int()).optional(),
  line: z.string().optional(),
});
export type ProposedAction = z.infer<typeof proposedAction>;

/** What the moderator takes the meeting to have decided on one rollout; the ballots decide, this is checked against them. */
const claimedDecision = z.object({ rolloutId: z.string(), decision: z.enum(['go', 'no_go', 'none']) });

/** What an advisor contributes to a phase. Only the ballot phase has ballots, only the synthesis has decisions. */
export const contribution = z.object({
  text: z.string().min(1),
  ballots: z.array(ballot).default([]),
  actions: z.array(proposedAction).default([]),
  decisions: z.array(claimedDecision).default([]),
});
export type Contribution = z.infer<typeof contribution>;

/** What `content` of a recorded turn holds beside its text and ballots. */
export const turnContent = contribution.pick({ actions: true, decisions: true });

export interface Ask {
  readonly phase: MeetingPhase;
  readonly brief: Brief;
  /** Turns on record before this phase, oldest first. */
  readonly heard: readonly Turn[];
  /** Deterministic per meeting, phase and role: a vendor that honours it bills a repeated call once. */
  readonly idempotencyKey: string;
  /** When the phase's share of the meeting's time is over, in milliseconds of the monotonic clock. */
  readonly endsAt?: number;
  /** Aborted when the phase's share of the meeting's time is over and when the service stops. */
  readonly signal: AbortSignal;
}

/** A turn, and who spoke it where that may differ from turn to turn. */
export type Spoken = Contribution & { readonly speaker?: Speaker };

/** One seat of the planning team. */
export interface Advisor {
  readonly role: PlanningRole;
  /** Who would speak now. */
  readonly speaker: Speaker;
  /**
   * Says one turn.
   * @throws ConclaveError, whose `retry` tells whether asking once more can help.
   */
  speak(ask: Ask): Promise<Spoken>;
}

/** A seat that nobody can fill, and why. */
export interface AbsentAdvisor {
  readonly role: PlanningRole;
  readonly absent: string;
}

export type Seat = Advisor | AbsentAdvisor;
export type Team = Readonly<Record<PlanningRole, Seat>>;
