import { z } from 'zod';
import { digest, modelName, versionName } from '../names.ts';
import { openObject } from '../open-object.ts';
import { pinnedRollout } from '../rollout-definition.ts';
import { stageName } from '../stages.ts';
import { verdict } from '../verdict.ts';
import { eventOf } from './event.ts';

/** Longest name of who asked, and longest reason, in characters. */
export const WHO_LENGTH = 300;
export const WHY_LENGTH = 2000;

const epoch = z.number().int().nonnegative();
/** A person, a service, an action (`<plan id>:<id>`) or a meeting. */
const who = z.string().min(1).max(WHO_LENGTH);
const why = z.string().min(1).max(WHY_LENGTH);

/** Share asked and measured while a stage served, and its windows' totals. */
const stageSummary = openObject({
  stage: stageName,
  stageEpoch: epoch,
  askedShare: z.number(),
  measuredShare: z.number().nullable(),
  candidateRequests: z.number().int(),
  candidateErrors: z.number().int(),
  stableRequests: z.number().int(),
  latencyP95Ms: z.number().nullable(),
  verdicts: z.array(verdict),
});
export type StageSummary = z.infer<typeof stageSummary>;

/** A person's yes or no to the next step, given on exactly one verdict set. */
const personalDecision = openObject({
  rolloutId: z.string(),
  stageEpoch: epoch,
  verdictSet: z.string(),
  by: who,
  reason: why,
});

/** What a no_go asks for before the same evidence is voted on again. */
const objection = openObject({
  role: z.string(),
  reason: z.string(),
  /** Tools that have to succeed on the model once more. */
  needs: z.array(z.string()),
  /** It ends then in any case. */
  until: z.iso.datetime(),
});
export type Objection = z.infer<typeof objection>;

/** Events of `conclave.journal.rollouts.<model>`. Single writer: the coordinator. */
export const rolloutEvent = z.discriminatedUnion('type', [
  /** A new leader takes the subject over: stale writers conflict from here on. */
  eventOf('rollout.leader_changed', openObject({ leader: who, leaderEpoch: epoch })),
  /** The version that serves before Conclave arrives. */
  eventOf('rollout.adopted', openObject({ model: modelName, version: versionName, digest, dataset: digest, by: who })),
  /** A runner has the stable version ready for the first time since it was adopted: from here on it is no mere claim. */
  eventOf(
    'rollout.stable_serving',
    openObject({ version: versionName, digest, dataset: digest, runners: z.array(z.string()).min(1) }),
  ),
  /** The model is taken off the runners and out of the status; a rollout that was open is over. Another adopt begins anew. */
  eventOf('rollout.forgotten', openObject({ by: who, reason: why })),
  eventOf('rollout.applied', openObject({ rolloutId: z.string(), definition: pinnedRollout, by: who })),
  eventOf(
    'rollout.stage_entered',
    openObject({
      rolloutId: z.string(),
      stage: stageName,
      stageEpoch: epoch,
      share: z.number().min(0).max(1),
      /** Action or operator that asked. */
      requestedBy: who,
      /** What earned it: absent only for shadow. */
      earnedBy: openObject({ meetingId: z.string(), verdictSet: z.string(), approvedBy: who.optional() }).optional(),
    }),
  ),
  /** Every serving runner has the candidate ready at this epoch: the soak clock starts, or goes on after an interruption. */
  eventOf(
    'rollout.stage_serving',
    openObject({
      rolloutId: z.string(),
      stageEpoch: epoch,
      runners: z.array(z.string()).min(1),
      /** Set when nobody served for a while: the time it was served again, and the seconds of soak before, which still count. */
      resumed: openObject({ at: z.iso.datetime(), soakedSeconds: z.number().nonnegative() }).optional(),
    }),
  ),
  /** The candidate has answered its first request in this stage: without any, a stage after shadow is never earned. */
  eventOf('rollout.traffic_seen', openObject({ rolloutId: z.string(), stageEpoch: epoch })),
  /** A gate's outcome changed. */
  eventOf('rollout.verdict_changed', openObject({ rolloutId: z.string(), stageEpoch: epoch, verdict })),
  /** What a meeting decided on exactly this verdict set. */
  eventOf(
    'rollout.voted',
    openObject({
      rolloutId: z.string(),
      stageEpoch: epoch,
      meetingId: z.string(),
      decision: z.enum(['go', 'no_go']),
      verdictSet: z.string(),
      yes: z.array(z.string()),
      no: z.array(z.string()),
      abstained: z.array(z.string()),
      /** Of a no_go: who objects, and what ends it. */
      objections: z.array(objection).optional(),
    }),
  ),
  /** What a no_go asked for has happened, or its time has passed: the same verdicts may be voted on again. */
  eventOf(
    'rollout.vote_lifted',
    openObject({ rolloutId: z.string(), stageEpoch: epoch, meetingId: z.string(), reason: why }),
  ),
  eventOf('rollout.approved', personalDecision),
  eventOf('rollout.rejected', personalDecision),
  eventOf(
    'rollout.gate_overridden',
    openObject({ rolloutId: z.string(), stageEpoch: epoch, gate: z.string(), by: who, reason: why }),
  ),
  /** Nothing advances while a hold stands. */
  eventOf(
    'rollout.held',
    openObject({ holdId: z.string(), kind: z.enum(['incident', 'pause', 'freeze']), by: who, reason: why }),
  ),
  eventOf('rollout.released', openObject({ holdId: z.string(), by: who, reason: why })),
  eventOf('rollout.stage_summarised', openObject({ rolloutId: z.string(), summary: stageSummary })),
  /** Candidate off, stable serves. Accepted in every state; `gate` names the breach if one caused it. */
  eventOf(
    'rollout.aborted',
    openObject({
      rolloutId: z.string(),
      by: who,
      reason: why,
      gate: z.string().optional(),
      verdict: verdict.optional(),
    }),
  ),
  /** The candidate is the new stable. */
  eventOf('rollout.completed', openObject({ rolloutId: z.string(), stageEpoch: epoch })),
  /** An operator took production back to the version before: `to` serves again, `from` left in bad standing. */
  eventOf(
    'rollout.reverted',
    openObject({
      from: openObject({ version: versionName, digest }),
      to: openObject({ version: versionName, digest }),
      by: who,
      reason: why,
    }),
  ),
]);
export type RolloutEvent = z.infer<typeof rolloutEvent>;
