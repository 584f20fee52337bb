import { aggregates, type MeetingDecision, type Objection, type RolloutEvent } from '@conclave/contracts';
import {
  ballotsOf,
  countBallots,
  hasSucceededWith,
  isEnded,
  type Meeting,
  type Rollout,
  soakSecondsLeft,
  standingVote,
  type TallyRules,
  unreadOf,
  type World,
} from '@conclave/core';
import type { Facts } from '../facts.ts';
import { rolloutEventOf } from './rollout-event.ts';

/*
 * Votes on a rollout, as the leader records them:
 * 1. Only a closed meeting votes, on this stage epoch; its ballots are counted again here.
 * 2. A meeting that opened while the stage still soaked could not know what the rest of the soak would show: its vote does not count.
 * 3. The same verdicts are voted on once. A go stands, and a no_go stands until what it asks for has happened or its time has passed:
 *    no message from outside, and no other meeting, has the same evidence voted on again.
 */

export interface VotingRules {
  readonly tallyRules: TallyRules;
  /** Longest time for which a no_go stands. */
  readonly noGoSeconds: number;
}

/** The newest vote, if it is not on record yet. */
export function newVotes(rollout: Rollout, world: World, rules: VotingRules, facts: Facts): RolloutEvent[] {
  if (isEnded(rollout) || standingVote(rollout) !== undefined) return [];
  const { vote } = rollout;
  const meetings = Object.values(world.meetings).sort((a, b) => a.seq - b.seq);
  const newest = meetings
    // Of a meeting that cannot be read whole nobody knows how it voted.
    .filter((m) => unreadOf(world, aggregates.meeting(m.meetingId)) === undefined)
    .filter((m) => hasDecidedOn(m, rollout) && (vote?.lifted === undefined || m.seq > vote.lifted.seq))
    .at(-1);
  const decision = newest?.closed?.decisions.find((d) => d.rolloutId === rollout.rolloutId);
  if (newest === undefined || decision === undefined || newest.meetingId === vote?.meetingId) return [];
  const { rolloutId, stageEpoch } = rollout;
  const { verdictSet } = decision;
  const tally = countBallots(ballotsOf(newest, rolloutId), verdictSet, rules.tallyRules);
  const agreed = tally.decision === 'go' && decision.decision === 'go' ? 'go' : 'no_go';
  return [
    rolloutEventOf(facts, 'rollout.voted', {
      rolloutId,
      stageEpoch,
      meetingId: newest.meetingId,
      decision: agreed,
      verdictSet,
      yes: [...tally.yes],
      no: [...tally.no],
      abstained: [...tally.abstained],
      ...(agreed === 'no_go' ? { objections: objectionsOf(newest, decision, rules, facts) } : {}),
    }),
  ];
}

/** The end of a no_go whose objections are all met or have had their time. */
export function liftedVote(rollout: Rollout, world: World, facts: Facts): RolloutEvent[] {
  const vote = standingVote(rollout);
  if (vote === undefined || vote.decision === 'go') return [];
  const ends = (vote.objections ?? []).map(({ role, needs, until }) => {
    if (needs.length > 0 && needs.every((tool) => hasSucceeded(world, tool, rollout, vote.seq)))
      return `${needs.join(' and ')} succeeded, as ${role} asked`;
    return facts.now.getTime() >= Date.parse(until) ? `the time of ${role}'s objection passed at ${until}` : undefined;
  });
  const reasons = ends.filter((end) => end !== undefined);
  if (reasons.length < ends.length) return [];
  const { rolloutId, stageEpoch } = rollout;
  const reason = reasons.join('; ') || 'nobody said what speaks against it';
  return [rolloutEventOf(facts, 'rollout.vote_lifted', { rolloutId, stageEpoch, meetingId: vote.meetingId, reason })];
}

/** One objection for each role that voted no_go on the counted verdicts; one without a name where nobody did, so that it ends too. */
function objectionsOf(
  meeting: Meeting,
  { rolloutId, verdictSet, reason }: MeetingDecision,
  { noGoSeconds }: VotingRules,
  facts: Facts,
): Objection[] {
  const until = (seconds: number): string => new Date(facts.now.getTime() + seconds * 1000).toISOString();
  const objections = ballotsOf(meeting, rolloutId)
    .filter(({ ballot }) => ballot.verdictSet === verdictSet && ballot.vote === 'no_go')
    .map(({ role, ballot: { reason: why, needs = [], reconsiderMinutes } }): Objection => {
      const seconds = Math.min(noGoSeconds, (reconsiderMinutes ?? Number.POSITIVE_INFINITY) * 60);
      return { role, reason: why, needs: [...new Set(needs)], until: until(seconds) };
    });
  return objections.length > 0
    ? objections
    : [{ role: 'the meeting', reason: reason || 'no majority for go', needs: [], until: until(noGoSeconds) }];
}

/** Whether an action on this model has succeeded with the tool since the vote was recorded. */
function hasSucceeded(world: World, tool: string, { definition: { model } }: Rollout, sinceSeq: number): boolean {
  return Object.values(world.actions).some((run) => hasSucceededWith(run, { tool, model, sinceSeq }));
}

function hasDecidedOn(meeting: Meeting, rollout: Rollout): boolean {
  const { closed } = meeting;
  return (
    closed?.outcome === 'decided' &&
    soakSecondsLeft(rollout, new Date(meeting.openedAt ?? closed.at)) === 0 &&
    closed.decisions.some((d) => d.rolloutId === rollout.rolloutId && d.stageEpoch === rollout.stageEpoch)
  );
}
