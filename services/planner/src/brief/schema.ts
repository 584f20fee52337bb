import {
  actionOutcome,
  authority,
  comparison,
  executiveRole,
  meetingReason,
  planningRole,
  priority,
  recordedName,
  severity,
  stageName,
  verdictOutcome,
} from '@conclave/contracts';
import { z } from 'zod';

/*
 * What every advisor is told. It is made once per meeting from the folded journal, recorded in `meeting.opened`, and read
 * back from there by a resumed meeting: all turns of a meeting judge the same brief, whichever planner asks them.
 */

/** One gate of a rollout with what was measured in this stage epoch. Numbers are in the unit of the metric. */
export const gateBrief = z.object({
  name: z.string(),
  source: recordedName,
  metric: z.string(),
  operator: comparison,
  threshold: z.number(),
  /** Required and not dry-run: only these decide. */
  decides: z.boolean(),
  /** `pending` when nothing was recorded in this epoch. */
  outcome: verdictOutcome,
  value: z.number().nullable(),
  interval: z.object({ low: z.number(), high: z.number() }).nullable(),
  samples: z.number().int().nonnegative(),
  minSamples: z.number().int().nonnegative(),
  sentence: z.string(),
  /** An operator's override, on the record. */
  overridden: z.object({ by: z.string(), reason: z.string() }).nullable(),
});
export type GateBrief = z.infer<typeof gateBrief>;

/** An action of this rollout that is under way or was tried since the stage was entered. */
export const attemptBrief = z.object({
  actionId: z.string(),
  tool: recordedName,
  /** Stage that a `deploy_model` asked for. */
  stage: z.string().nullable(),
  origin: z.enum(['meeting', 'user']),
  state: z.enum(['waiting', 'dispatched', 'ended']),
  outcome: actionOutcome.nullable(),
});
export type AttemptBrief = z.infer<typeof attemptBrief>;

export const evaluationBrief = z.object({
  evaluationId: z.string(),
  kind: z.enum(['offline', 'rollback_test']),
  state: z.enum(['running', 'completed', 'failed']),
  /** An offline evaluation that compares against what is stable now; true where nothing is stable. */
  comparesStable: z.boolean(),
  detail: z.string(),
});
export type EvaluationBrief = z.infer<typeof evaluationBrief>;

/** Something that stands between a rollout and its next stage. */
export const missingBrief = z.object({
  kind: z.enum(['gate', 'soak', 'serving', 'traffic', 'hold']),
  /** Name of the gate or hold. */
  name: z.string(),
  sentence: z.string(),
});

export const rolloutBrief = z.object({
  rolloutId: z.string(),
  model: z.string(),
  version: z.string(),
  digest: z.string(),
  dataset: z.string(),
  datasetName: z.string(),
  authority,
  phase: z.enum(['applied', 'progressing']),
  stage: stageName.nullable(),
  stageEpoch: z.number().int().nonnegative(),
  nextStage: stageName.nullable(),
  enteredAt: z.string().nullable(),
  servingSince: z.string().nullable(),
  soakSeconds: z.number().nonnegative(),
  /** Null until the stage serves. */
  soakLeftSeconds: z.number().nonnegative().nullable(),
  verdictSet: z.string(),
  gates: z.array(gateBrief),
  /** Empty when the evidence for the next stage is complete; a vote and an approval are not evidence. */
  missing: z.array(missingBrief),
  openP0: z.array(z.string()),
  vote: z
    .object({ meetingId: z.string(), decision: z.enum(['go', 'no_go']), onThisVerdictSet: z.boolean() })
    .nullable(),
  /** False while a vote on exactly these verdicts stands: the same evidence is not voted on again. */
  votable: z.boolean().default(true),
  /** Of a no_go that stands: who objects, and what ends it. */
  objections: z
    .array(z.object({ role: z.string(), reason: z.string(), needs: z.array(z.string()), until: z.string() }))
    .default([]),
  /** A person's word on exactly this verdict set. */
  approval: z.object({ by: z.string(), approved: z.boolean(), reason: z.string() }).nullable(),
  evaluations: z.array(evaluationBrief),
  attempts: z.array(attemptBrief),
});
export type RolloutBrief = z.infer<typeof rolloutBrief>;

export const modelBrief = z.object({
  model: z.string(),
  stable: z.object({ version: z.string(), digest: z.string(), since: z.string() }).nullable(),
  previousStable: z.object({ version: z.string() }).nullable(),
  holds: z.array(z.object({ holdId: z.string(), kind: z.string(), by: z.string(), reason: z.string() })),
  rollout: rolloutBrief.nullable(),
  /** Rollouts that ended since the last meeting, and the last one that ended before, newest first. */
  ended: z.array(
    z.object({
      rolloutId: z.string(),
      version: z.string(),
      phase: z.enum(['completed', 'rolled_back']),
      at: z.string(),
      by: z.string(),
      reason: z.string(),
      gate: z.string().nullable(),
      sinceLastMeeting: z.boolean(),
    }),
  ),
});
export type ModelBrief = z.infer<typeof modelBrief>;

export const resultBrief = z.object({
  actionId: z.string(),
  action: z.string(),
  owner: executiveRole,
  outcome: actionOutcome,
  summary: z.string(),
  /** What was not met first. */
  criteria: z.array(z.object({ text: z.string(), verdict: z.enum(['met', 'unmet', 'unjudged']) })),
  /** Further criteria; absent when there are none. */
  criteriaLeftOut: z.number().int().positive().optional(),
  calls: z.array(z.object({ tool: recordedName, ok: z.boolean(), result: z.string(), durationMs: z.number() })),
});

export const brief = z.object({
  schema: z.literal('conclave.brief/v1'),
  meetingId: z.string(),
  reason: meetingReason,
  detail: z.string(),
  at: z.iso.datetime(),
  deadline: z.iso.datetime(),
  /** Last journal sequence this brief knows. */
  seq: z.number().int().nonnegative(),
  lastMeetingAt: z.string().nullable(),
  models: z.array(modelBrief),
  /** Further models without an open rollout; absent when there are none. */
  modelsLeftOut: z.number().int().positive().optional(),
  /** Actions that ended since the last meeting opened. */
  results: z.array(resultBrief),
  /** Older results since then; absent when there are none. */
  resultsLeftOut: z.number().int().positive().optional(),
  unfinished: z.array(
    z.object({
      actionId: z.string(),
      action: z.string(),
      owner: executiveRole,
      priority,
      origin: z.enum(['meeting', 'user']),
      state: z.enum(['waiting', 'dispatched']),
    }),
  ),
  incidents: z.array(
    z.object({
      incidentId: z.string(),
      severity,
      title: z.string(),
      detail: z.string(),
      model: z.string().nullable(),
      openedAt: z.string(),
    }),
  ),
  /** Newest first. */
  insights: z.array(z.object({ line: z.string(), text: z.string(), at: z.string() })),
  /** How long each tool took so far. */
  measured: z.array(z.object({ tool: recordedName, calls: z.number().int(), medianMs: z.number() })),
  documents: z.array(z.object({ name: z.string(), text: z.string(), cut: z.boolean() })),
  maxActions: z.number().int(),
  voting: z.object({ quorum: z.number(), majority: z.number(), veto: z.array(planningRole) }),
});
export type Brief = z.infer<typeof brief>;

/** Rollouts that stand in a stage and on which no vote stands: ballots are cast on these. The first stage needs no vote. */
export function rolloutsToVoteOn(given: Brief): RolloutBrief[] {
  return given.models.flatMap(({ rollout }) =>
    rollout === null || rollout.stage === null || !rollout.votable ? [] : [rollout],
  );
}

/** True when a vote stands and nothing else is missing: the next stage only has to be asked for. */
export function mayAdvance({ stage, votable, vote, missing, authority, approval }: RolloutBrief): boolean {
  return (
    stage !== null &&
    !votable &&
    vote?.decision === 'go' &&
    missing.length === 0 &&
    (authority === 'act' || (authority === 'recommend' && approval?.approved === true))
  );
}
