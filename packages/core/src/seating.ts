import type { SeatedTeam, SeatingReport, SeatStatus } from '@conclave/contracts';
import { nextStage, type Rollout } from './folds/rollout.ts';

/** Who sits in the chairs of both teams. A team that no service reports is undefined. */
export interface Seating {
  readonly planning: readonly SeatStatus[] | undefined;
  readonly executive: readonly SeatStatus[] | undefined;
  readonly quorum: number | undefined;
}

const WORST = ['absent', 'substitute', 'present'] as const;

/** The seating that reports together tell. Where replicas differ the worse counts: any of them may hold the next meeting. */
export function seatingOf(reports: readonly SeatingReport[]): Seating {
  const teamOf = (team: SeatedTeam): readonly SeatStatus[] | undefined => {
    const own = reports.filter((report) => report.team === team).toSorted((a, b) => (a.instance < b.instance ? -1 : 1));
    if (own.length === 0) return undefined;
    const roles = [...new Set(own.flatMap(({ seats }) => seats.map(({ role }) => role)))];
    return roles.flatMap((role) => {
      const all = own.flatMap(({ seats }) => seats.filter((seat) => seat.role === role));
      return all.toSorted((a, b) => WORST.indexOf(a.state) - WORST.indexOf(b.state)).slice(0, 1);
    });
  };
  const quorums = reports.flatMap(({ quorum }) => quorum ?? []);
  return {
    planning: teamOf('planning'),
    executive: teamOf('executive'),
    quorum: quorums.length === 0 ? undefined : Math.max(...quorums),
  };
}

/** True when the advisor can cast a ballot. */
export function canVote({ state }: Pick<SeatStatus, 'state'>): boolean {
  return state !== 'absent';
}

/**
 * Why no meeting can decide anything now, with the way out; undefined while one can. A planning team that nobody reports
 * holds no meeting either.
 */
export function whyNobodyDecides({ planning, quorum }: Seating): string | undefined {
  if (planning === undefined)
    return 'no meeting can be held: no planner reports who advises; see whether one runs: conclave doctor';
  const present = planning.filter(canVote).length;
  if (quorum === undefined || present >= quorum) return undefined;
  const ways = waysOut(planning.filter((seat) => !canVote(seat)));
  return `no meeting can decide: ${present} of ${planning.length} advisors present, quorum ${quorum}: ${[...ways, 'see conclave doctor'].join('; ')}`;
}

/** What brings these seats back, each way once. */
export function waysOut(seats: readonly SeatStatus[]): string[] {
  return [...new Set(seats.map(({ wayOut }) => wayOut).filter((way) => way !== ''))];
}

/**
 * What is missing for the next step, and the seating that keeps a meeting from deciding on it, where one has to. What only a person may do
 * (`authority: observe`) or what needs no vote (completion) is left as it is; so is all where nobody knows the seating.
 */
export function withSeating(missing: readonly string[], rollout: Rollout, seating: Seating | undefined): string[] {
  const needsMeeting = nextStage(rollout) !== undefined && rollout.definition.authority !== 'observe';
  const why = needsMeeting && seating !== undefined ? whyNobodyDecides(seating) : undefined;
  return why === undefined ? [...missing] : [...missing, why];
}
