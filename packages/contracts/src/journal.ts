import { z } from 'zod';
import { openObject } from './open-object.ts';
import type { Aggregate } from './subjects.ts';

/** An event as it stands in the journal, before its type is known. */
export const rawEvent = openObject({
  /** Unique over the journal; deterministic where a repeated append must be recognised. */
  id: z.string().min(1),
  type: z.string().min(1),
  /** When it happened, ISO 8601 UTC. */
  at: z.iso.datetime(),
  data: z.unknown(),
});
export type RawEvent = z.infer<typeof rawEvent>;

/** One journal message: events that hold together or not at all. */
export const commitBody = openObject({
  /** Instance that wrote it, e.g. `coordinator-0`. */
  by: z.string().min(1),
  /** The writer's fencing token (lease revision), when it holds a lease. */
  fence: z.number().int().nonnegative().optional(),
  events: z.array(rawEvent).min(1),
});
export type CommitBody = z.infer<typeof commitBody>;

/** A stored commit: `seq` is its place in the one total order. */
export interface Commit<E extends RawEvent = RawEvent> {
  readonly aggregate: Aggregate;
  readonly seq: number;
  /** Time the server stored it, ISO 8601. */
  readonly storedAt: string;
  readonly by: string;
  readonly fence: number | undefined;
  readonly events: readonly E[];
}
