import type { Meeting, MeetingDecision, MeetingEvent, Turn } from '@conclave/contracts';
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

/** The counted ballots of a meeting. */
export function countMeeting(brief: Brief, turns: readonly Turn[]): Count[] {
  const cast = turns
    .filter((turn) => turn.phase === 'ballot')
    .flatMap(({ role, ballots }) => ballots.map((ballot) => ({ role, ballot })));
  return countVotes(brief, cast);
}

/**
 * How a meeting ends whose turns are all on record. Pure: two planners that close the same meeting write the same,
 * but for the time.
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
  const plan = checkedPlan({ brief, counts, proposed: actions, timestamp, source });
  const words =
    synthesis?.text ?? `The moderator was absent${reasonOf(meeting)}; the ballots were counted all the same.`;
  return {
    meetingId,
    outcome: 'decided',
    summary: [words, ...tally, ...disagreements(counts, claimed), ...plan.remarks].join(' '),
    decisions: counts.flatMap((count): MeetingDecision[] => (count.decision === undefined ? [] : [count.decision])),
    dissent: counts.flatMap((count) => [...count.dissent]),
    ...(plan.handoff === undefined ? {} : { handoff: plan.handoff }),
  };
}

function reasonOf({ absences }: Meeting): string {
  const absence = absences.find((entry) => entry.phase === 'synthesis');
  return absence === undefined ? '' : ` (${absence.reason})`;
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
