import { z } from 'zod';
import { speaker } from './events/actions.ts';

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
