import { z } from 'zod';

const row = z.object({
  /** No-op actions handed off. */
  actions: z.int().positive(),
  /** From the first handoff to the last action's end, both durable. */
  seconds: z.number().positive(),
});

/** What a contestant measured of itself. */
export const figures = z.object({
  name: z.string(),
  rows: z.array(row),
  /** One action alone, from handoff to its end: the median, milliseconds. */
  oneActionMs: z.number().positive(),
  /** Versions, settings and concurrency: what a reader must know to judge the figures. */
  note: z.string(),
});

export type Figures = z.infer<typeof figures>;
export type Row = z.infer<typeof row>;

/**
 * What the module of a contestant exports as `measure`: hands off so many no-op actions of three durable steps each, once per count, and
 * waits until all have ended. It starts the servers it needs below `TMPDIR` and stops them.
 */
export type Measure = (counts: readonly number[]) => Promise<Figures>;
