import { z } from 'zod';
import { speaker } from './events/actions.ts';
import { nextStage, type Rollout } from './folds/rollout.ts';

/** One chair of a team, as the service that seats it knows it now. */
export const seatStatus = z.object({
  role: z.string(),
  /** `substitute`: another model than the chair's own speaks for it. */
  state: z.enum(['present', 'substitute', 'absent']),
  /** Who speaks; of an absent one, who should. */
  speaker,
  /** Why a substitute speaks, or nobody does; else empty. */
  reason: z.string(),
  /** What brings it back, e.g. `set ANTHROPIC_API_KEY`; empty where nothing has to be done. */
  wayOut: z.string(),
  /** What will go wrong soon, e.g. a model that is shut down next week. */
  warnings: z.array(z.string()),
});
export type SeatStatus = z.infer<typeof seatStatus>;

export const seatedTeam = z.enum(['planning', 'executive']);
export type SeatedTeam = z.infer<typeof seatedTeam>;

/** What a planner or an executor says of its chairs every few seconds (KV `conclave-seats`, key = service and instance). */
export const seatingReport = z.object({
  team: seatedTeam,
  instance: z.string().min(1),
  at: z.iso.datetime(),
  /** Advisors that must cast a ballot; of the planning team. */
  quorum: z.number().int().min(1).optional(),
  seats: z.array(seatStatus),
});
export type SeatingReport = z.infer<typeof seatingReport>;

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
