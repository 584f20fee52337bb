import type { Ballot, PlanningRole } from '@conclave/contracts';
import type { Meeting } from './folds/meeting.ts';

/** How ballots become a decision; the configuration's `meeting` section. */
export interface TallyRules {
  /** Advisors that must cast a ballot, abstentions included. */
  readonly quorum: number;
  /** Share of go and no_go ballots that `go` must exceed. */
  readonly majority: number;
  /** Roles whose `no_go` decides alone. */
  readonly veto: readonly PlanningRole[];
}

export interface Tally {
  readonly decision: 'go' | 'no_go';
  readonly yes: readonly PlanningRole[];
  readonly no: readonly PlanningRole[];
  readonly abstained: readonly PlanningRole[];
  readonly vetoedBy: readonly PlanningRole[];
  /** Ballots on another verdict set, which do not count. */
  readonly void: readonly PlanningRole[];
  readonly sentence: string;
}

/** Ballots of a meeting on one rollout, in the order they were cast. */
export function ballotsOf(meeting: Meeting, rolloutId: string): { role: PlanningRole; ballot: Ballot }[] {
  return meeting.turns
    .filter((turn) => turn.phase === 'ballot')
    .flatMap((turn) =>
      turn.ballots.filter((b) => b.rolloutId === rolloutId).map((ballot) => ({ role: turn.role, ballot })),
    );
}

/**
 * Counts ballots on one verdict set. `go` needs the quorum, more than `majority` of the go and no_go ballots, at least
 * one of them, and no veto; a tie, silence or doubt is `no_go`. Only the first ballot of a role counts.
 */
export function countBallots(
  ballots: readonly { role: PlanningRole; ballot: Ballot }[],
  verdictSet: string,
  rules: TallyRules,
): Tally {
  const first = new Map<PlanningRole, Ballot>();
  for (const { role, ballot } of ballots) if (!first.has(role)) first.set(role, ballot);
  const rolesWith = (test: (ballot: Ballot) => boolean): PlanningRole[] =>
    [...first].filter(([, b]) => test(b)).map(([role]) => role);
  const counts = (ballot: Ballot): boolean => ballot.verdictSet === verdictSet;
  const yes = rolesWith((b) => counts(b) && b.vote === 'go');
  const no = rolesWith((b) => counts(b) && b.vote === 'no_go');
  const abstained = rolesWith((b) => counts(b) && b.vote === 'abstain');
  const voidBallots = rolesWith((b) => !counts(b));
  const vetoedBy = no.filter((role) => rules.veto.includes(role));
  const cast = yes.length + no.length + abstained.length;
  const tally = { yes, no, abstained, vetoedBy, void: voidBallots };
  const counted = `${yes.length} go, ${no.length} no_go, ${abstained.length} abstained`;
  if (cast < rules.quorum)
    return { ...tally, decision: 'no_go', sentence: `${counted}: no quorum, ${rules.quorum} ballots needed` };
  if (vetoedBy.length > 0)
    return { ...tally, decision: 'no_go', sentence: `${counted}: vetoed by ${vetoedBy.join(', ')}` };
  const carried = yes.length > 0 && yes.length > rules.majority * (yes.length + no.length);
  return {
    ...tally,
    decision: carried ? 'go' : 'no_go',
    sentence: carried ? counted : `${counted}: no majority for go`,
  };
}
