import type { MeetingDecision, MeetingEvent } from '@conclave/contracts';
import type { Meeting, Turn } from '@conclave/core';
import { turnContent } from '../advisors/advisor.ts';
import { type Brief, rolloutsToVoteOn } from '../brief/schema.ts';
import { type Count, countVotes } from './count.ts';
import { checkedPlan } from './plan.ts';

export type Closing = Extract<MeetingEvent, { type: 'meeting.closed' }>['data'];

/** True when enough advisors took part: by ballot where there is something to vote on, else by statement. */
export function hasQuorum(brief: Brief, turns: readonly Turn[]): boolean {
  const phase = rolloutsToVoteOn(brief).length > 0 ? 'ballot' : 'statement';
  return turns.filter((turn) => turn.phase === phase).length >= brief.voting.quorum;
}

/** True when the ballots on record can decide, whatever else was to come. */
export function hasQuorateBallots(brief: Brief, turns: readonly Turn[]): boolean {
  return countMeeting(brief, turns).some((count) => count.quorate);
}

/** The counted ballots of a meeting. */
function countMeeting(brief: Brief, turns: readonly Turn[]): Count[] {
  const cast = turns
    .filter((turn) => turn.phase === 'ballot')
    .flatMap(({ role, ballots }) => ballots.map((ballot) => ({ role, ballot })));
  return countVotes(brief, cast);
}

/**
 * How a meeting ends, from the turns on record. Pure: two planners that close the same meeting write the same, but for
 * the time. Without the moderator's synthesis the ballots decide alone; where they decide nothing either the meeting has
 * failed and is held again, for nobody has said that nothing needs doing.
 */
export function outcomeOf(brief: Brief, meeting: Meeting, source: string, timestamp: string): Closing {
  const { meetingId } = brief;
  const counts = countMeeting(brief, meeting.turns);
  const tally = counts.map((count) => count.sentence);
  const anyQuorate = counts.length === 0 || counts.some((count) => count.quorate);
  if (!hasQuorum(brief, meeting.turns) || !anyQuorate) {
    const missing = [...new Set(meeting.absences.map(({ role, reason }) => `${role} (${reason})`))];
    const absent = missing.length === 0 ? '' : ` Absent: ${missing.join('; ')}.`;
    const summary = `No quorum of ${brief.voting.quorum}: nothing is decided and nothing handed off.${absent} ${tally.join(' ')}`;
    return { meetingId, outcome: 'no_quorum', summary: summary.trim(), decisions: [], dissent: [] };
  }
  const synthesis = meeting.turns.find((turn) => turn.phase === 'synthesis');
  const { actions, decisions: claimed } = turnContent
    .catch({ actions: [], decisions: [] })
    .parse(synthesis?.content ?? {});
  const decisions = counts.flatMap((count): MeetingDecision[] =>
    count.decision === undefined ? [] : [count.decision],
  );
  if (synthesis === undefined && decisions.length === 0) {
    const summary = `${moderatorAbsent(meeting)}, and the ballots decide nothing: nothing is handed off. ${tally.join(' ')}`;
    return { meetingId, outcome: 'failed', summary: summary.trim(), decisions, dissent: [] };
  }
  const plan = checkedPlan({ brief, counts, proposed: actions, timestamp, source });
  const words = synthesis?.text ?? `${moderatorAbsent(meeting)}; the ballots were counted all the same.`;
  return {
    meetingId,
    outcome: 'decided',
    summary: [words, ...tally, ...disagreements(counts, claimed), ...plan.remarks].join(' '),
    decisions,
    dissent: counts.flatMap((count) => [...count.dissent]),
    ...(plan.handoff === undefined ? {} : { handoff: plan.handoff }),
  };
}

function moderatorAbsent({ absences }: Meeting): string {
  const absence = absences.find((entry) => entry.phase === 'synthesis');
  return `The moderator was absent (${absence?.reason ?? 'the deadline came before its turn'})`;
}

function disagreements(
  counts: readonly Count[],
  claimed: readonly { rolloutId: string; decision: 'go' | 'no_go' | 'none' }[],
): string[] {
  return counts.flatMap(({ rollout, decision }) => {
    const said = claimed.find((entry) => entry.rolloutId === rollout.rolloutId)?.decision;
    const counted = decision?.decision ?? 'none';
    if (said === undefined || said === counted) return [];
    return [`The moderator reported ${said} for ${rollout.rolloutId}, the ballots say ${counted}: the ballots stand.`];
  });
}
