import type { Ballot, MeetingDecision, PlanningRole } from '@conclave/contracts';
import { countBallots, type Tally } from '@conclave/core';
import { type Brief, type RolloutBrief, rolloutsToVoteOn } from '../brief/schema.ts';

/*
 * What the ballots of a meeting decide. Code counts (core/count-ballots.ts, where the coordinator counts again), nobody else.
 * 1. Without a quorum of ballots on the brief's verdict set a rollout has no decision.
 * 2. When everybody abstains there is none: missing evidence speaks neither for nor against.
 * 3. While the stage does not serve or soaks there is none either: the vote comes after the soak (promise 1), and a vote
 *    on these verdicts that came too early would stand in the way of the right one.
 */

export interface CastBallot {
  readonly role: PlanningRole;
  readonly ballot: Ballot;
}

/** The counted vote on one rollout. */
export interface Count {
  readonly rollout: RolloutBrief;
  readonly decision: MeetingDecision | undefined;
  readonly quorate: boolean;
  readonly sentence: string;
  readonly dissent: readonly string[];
  /** Tools that its no_go ballots on these verdicts ask for. */
  readonly needs: readonly string[];
}

/** One count per rollout that stands in a stage. */
export function countVotes(brief: Brief, cast: readonly CastBallot[]): Count[] {
  return rolloutsToVoteOn(brief).map((rollout) => countOne(brief.voting, rollout, cast));
}

function countOne(voting: Brief['voting'], rollout: RolloutBrief, cast: readonly CastBallot[]): Count {
  const own = cast.filter(({ ballot }) => ballot.rolloutId === rollout.rolloutId);
  const tally = countBallots(own, rollout.verdictSet, voting);
  const quorate = tally.yes.length + tally.no.length + tally.abstained.length >= voting.quorum;
  const name = `${rollout.model} ${rollout.version} in ${rollout.stage}`;
  const voided = tally.void.length === 0 ? '' : `; void, on other verdicts: ${tally.void.join(', ')}`;
  const counted = `${tally.yes.length} go, ${tally.no.length} no_go, ${tally.abstained.length} abstained${voided}`;
  const obstacle = quorate ? whyUndecided(tally, rollout) : `no quorum of ${voting.quorum}`;
  if (obstacle !== undefined) {
    const sentence = `${name}: no decision, ${obstacle} (${counted}).`;
    return { rollout, decision: undefined, quorate, sentence, dissent: [], needs: [] };
  }
  return {
    rollout,
    decision: decisionOf(rollout, tally),
    quorate,
    sentence: `${name}: ${tally.decision} (${tally.sentence}${voided}).`,
    dissent: dissentOf(own, rollout, tally),
    needs: needsOf(own, rollout),
  };
}

function whyUndecided(tally: Tally, rollout: RolloutBrief): string | undefined {
  if (tally.yes.length + tally.no.length === 0) return 'everybody abstained';
  const early = rollout.missing.find(({ kind }) => kind === 'serving' || kind === 'soak');
  return early === undefined ? undefined : `it is too early, ${early.sentence}`;
}

function decisionOf(rollout: RolloutBrief, tally: Tally): MeetingDecision {
  return {
    rolloutId: rollout.rolloutId,
    model: rollout.model,
    version: rollout.version,
    stage: rollout.stage ?? 'shadow',
    stageEpoch: rollout.stageEpoch,
    ...(rollout.nextStage === null ? {} : { toStage: rollout.nextStage }),
    verdictSet: rollout.verdictSet,
    decision: tally.decision,
    yes: [...tally.yes],
    no: [...tally.no],
    abstained: [...tally.abstained],
    reason: tally.sentence,
  };
}

function needsOf(own: readonly CastBallot[], { verdictSet }: RolloutBrief): string[] {
  const against = own.filter(({ ballot }) => ballot.vote === 'no_go' && ballot.verdictSet === verdictSet);
  return [...new Set(against.flatMap(({ ballot }) => ballot.needs ?? []))];
}

/** Who voted against what was decided, and why. */
function dissentOf(own: readonly CastBallot[], rollout: RolloutBrief, tally: Tally): string[] {
  const overruled = tally.decision === 'go' ? tally.no : tally.yes;
  return overruled.map((role) => {
    const { vote, reason } = own.find((entry) => entry.role === role)?.ballot ?? { vote: '', reason: '' };
    return `${role} voted ${vote} on ${rollout.rolloutId}: ${reason}`;
  });
}
