import { digest, latencySketch, modelName, telemetryWindow } from '@conclave/contracts';
import { z } from 'zod';
import { emptyStageTelemetry } from '../gates/stage-telemetry.ts';

/** Raise when what a book counts, or how its state is written, changes: older snapshots are then passed over and the stream is read again. */
export const BOOK_VERSION = 1;

const count = z.number().int().nonnegative();
const totals = z.object({
  requests: count,
  errors: count,
  withinSlo: count,
  latency: latencySketch,
  from: z.string(),
  to: z.string(),
});
const servedTime = z
  .object({
    to: z.string(),
    seconds: z.number(),
    resumed: z.object({ at: z.string(), soakedSeconds: z.number() }).optional(),
  })
  .transform((stored) => ({ ...stored, resumed: stored.resumed }));
const stage = z
  .object({
    digest,
    stageEpoch: count,
    total: totals.optional(),
    blocks: z.array(totals),
    open: totals.optional(),
    stableRequests: count,
    candidateLiveRequests: count,
    newest: z.string().optional(),
    served: servedTime.optional(),
    runners: z.record(z.string(), z.object({ requests: count, dominantKey: z.number() })),
  })
  .transform((stored) => ({ ...emptyStageTelemetry(stored.digest, stored.stageEpoch), ...stored }));

/** A window with its sequence in the stream of telemetry, and when it was stored there (ISO 8601). */
const storedWindow = z.object({ seq: count, storedAt: z.string(), window: telemetryWindow });
export type StoredWindow = z.infer<typeof storedWindow>;

/** All that a telemetry book keeps, as its snapshot holds it. */
export const bookState = z.object({
  position: count,
  shelves: z.array(
    z.object({
      model: modelName,
      sortedBy: z.string(),
      stage: stage.optional(),
      order: z.array(
        z.object({
          runner: z.string(),
          series: z.array(z.object({ id: z.string(), ends: z.array(z.tuple([z.string(), z.number()])) })),
          forgottenMs: z.number().optional(),
        }),
      ),
      waiting: z.array(storedWindow),
      gap: z.boolean(),
    }),
  ),
});
export type BookState = z.infer<typeof bookState>;
