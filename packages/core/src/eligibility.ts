import { shortDigest } from '@conclave/contracts';
import { duration } from './describe/words.ts';
import {
  decidingGates,
  measurementsOf,
  nextStage,
  type Rollout,
  type RolloutsState,
  soakSecondsOf,
  type Vote,
  verdictSetOf,
} from './folds/rollout.ts';

/*
 * Promise 1, in its order. A rollout may enter its next stage only when nothing is listed here:
 * runners ready, soak elapsed, a request answered (after shadow), every deciding gate passed in this epoch (or overridden by an operator), a meeting voted
 * `go` on exactly these verdicts, a person approved where the definition asks for it, and no hold stands.
 */

/** Something the present stage still owes before anybody may vote on it. */
export interface MissingInStage {
  readonly kind: 'serving' | 'soak' | 'traffic' | 'gate' | 'hold';
  /** The stage, the gate or the id of the hold. */
  readonly name: string;
  readonly sentence: string;
}

/** What keeps the rollout from its next stage, one sentence each, in the order it has to come. Empty: eligible. */
export function missingForNextStage(state: RolloutsState, rollout: Rollout, now: Date): string[] {
  const holds = sentences(standingHolds(state));
  if (nextStage(rollout) === undefined) return ['it stands in its last stage', ...holds];
  if (rollout.definition.authority === 'observe' && rollout.stage !== undefined) {
    return ['the rollout only observes (authority: observe): agents are scored, nothing advances', ...holds];
  }
  if (rollout.stage === undefined) return holds;
  return [
    ...sentences(missingReadiness(rollout, now)),
    ...sentences(missingTraffic(rollout)),
    ...sentences(missingGates(rollout)),
    ...missingVote(rollout),
    ...missingApproval(rollout),
    ...holds,
  ];
}

/** The same for whatever comes next: another stage, or completion from the last one, which needs no vote. */
export function missingForNextStep(state: RolloutsState, rollout: Rollout, now: Date): string[] {
  return nextStage(rollout) === undefined
    ? sentences(missingInStage(state, rollout, now))
    : missingForNextStage(state, rollout, now);
}

/** What the present stage itself still owes, whoever may advance it: runners, soak, deciding gates, holds. */
export function missingInStage(state: RolloutsState, rollout: Rollout, now: Date): MissingInStage[] {
  return [
    ...missingReadiness(rollout, now),
    ...missingTraffic(rollout),
    ...missingGates(rollout),
    ...standingHolds(state),
  ];
}

/** True when only the vote (and what follows it) is missing: a meeting should be called. */
export function awaitsVote(state: RolloutsState, rollout: Rollout, now: Date): boolean {
  return (
    rollout.stage !== undefined &&
    nextStage(rollout) !== undefined &&
    missingInStage(state, rollout, now).length === 0 &&
    standingVote(rollout) === undefined
  );
}

/**
 * The vote that stands: a go on exactly the verdicts of now, a no_go on the same measurements, whatever incident came and went since.
 * Undefined when there is none, or its no_go is lifted.
 */
export function standingVote(rollout: Rollout): Vote | undefined {
  const { vote } = rollout;
  if (vote === undefined || vote.lifted !== undefined) return undefined;
  if (vote.verdictSet === verdictSetOf(rollout)) return vote;
  return vote.decision === 'no_go' && vote.measurements === measurementsOf(rollout) ? vote : undefined;
}

/** True when the last stage is earned too and the candidate can become stable. */
export function isEarnedWhole(state: RolloutsState, rollout: Rollout, now: Date): boolean {
  return (
    rollout.stage !== undefined && nextStage(rollout) === undefined && missingInStage(state, rollout, now).length === 0
  );
}

/** Seconds of soak left; the whole soak while the stage does not serve, and never more than that. */
export function soakSecondsLeft(rollout: Rollout, now: Date): number {
  const soak = soakSecondsOf(rollout);
  if (rollout.servingSince === undefined) return soak;
  const servedSeconds = (now.getTime() - Date.parse(rollout.servingSince)) / 1000;
  return Math.min(soak, Math.max(0, soak - servedSeconds));
}

function sentences(missing: readonly MissingInStage[]): string[] {
  return missing.map(({ sentence }) => sentence);
}

function missingReadiness(rollout: Rollout, now: Date): MissingInStage[] {
  const name = rollout.stage ?? 'a stage';
  if (rollout.servingSince === undefined) {
    const sentence = `the runners are not ready to serve ${rollout.definition.version} in ${name}`;
    return [{ kind: 'serving', name, sentence }];
  }
  const left = soakSecondsLeft(rollout, now);
  if (left === 0) return [];
  const soak = duration(soakSecondsOf(rollout));
  return [{ kind: 'soak', name, sentence: `${duration(Math.ceil(left * 10) / 10)} of the soak of ${soak} are left` }];
}

/** Users' requests, where the stage gives the candidate any: gates alone may all be of another kind. */
function missingTraffic(rollout: Rollout): MissingInStage[] {
  const { stage, trafficSince, definition } = rollout;
  if (stage === undefined || stage === 'shadow' || trafficSince !== undefined) return [];
  return [
    {
      kind: 'traffic',
      name: stage,
      sentence: `${definition.version} has not answered a single request in ${stage} yet`,
    },
  ];
}

function missingGates(rollout: Rollout): MissingInStage[] {
  return decidingGates(rollout).flatMap((name): MissingInStage[] => {
    const recorded = rollout.verdicts[name];
    if (recorded?.outcome === 'pass' || rollout.overrides[name] !== undefined) return [];
    const sentence =
      recorded === undefined
        ? `gate ${name} is pending: nothing measured yet`
        : `gate ${name} is ${recorded.outcome}: ${recorded.sentence}`;
    return [{ kind: 'gate', name, sentence }];
  });
}

function standingHolds(state: RolloutsState): MissingInStage[] {
  return Object.values(state.holds).map(({ holdId, kind, since, by, reason }) => ({
    kind: 'hold',
    name: holdId,
    sentence: `held (${kind}) since ${since} by ${by}: ${reason}`,
  }));
}

function missingVote(rollout: Rollout): string[] {
  const { vote } = rollout;
  if (vote === undefined) return ['no meeting has voted on these verdicts'];
  if (vote.lifted !== undefined && vote.verdictSet === verdictSetOf(rollout))
    return [`the no_go of meeting ${vote.meetingId} is lifted (${vote.lifted.reason}): a new vote is due`];
  if (standingVote(rollout) === undefined)
    return [`meeting ${vote.meetingId} voted on other verdicts than those that stand now`];
  return vote.decision === 'go' ? [] : [`meeting ${vote.meetingId} voted no_go${objectionsText(vote)}`];
}

/** Who objects, why, and what ends it: `; critic: too few short queries (ends when run_evaluation has succeeded, or at ...)`. */
function objectionsText({ objections = [] }: Vote): string {
  return objections
    .map(({ role, reason, needs, until }) => {
      const first = needs.length === 0 ? '' : `when ${needs.join(' and ')} succeeded on this model again, or `;
      return `; ${role}: ${reason} (ends ${first}at ${until})`;
    })
    .join('');
}

function missingApproval(rollout: Rollout): string[] {
  if (rollout.definition.authority !== 'recommend') return [];
  const { approval } = rollout;
  const given = approval?.verdictSet === verdictSetOf(rollout) ? approval : undefined;
  if (given?.approved === true) return [];
  return given === undefined
    ? [
        `a person must approve this step (authority: recommend): conclave approve ${rollout.definition.model} --verdicts ${shortDigest(verdictSetOf(rollout))} --reason ...`,
      ]
    : [`${given.by} rejected this step: ${given.reason}`];
}
