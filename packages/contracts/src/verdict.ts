import { z } from 'zod';
import { digest } from './names.ts';
import { openObject } from './open-object.ts';

/**
 * `pending`: nothing measured yet. `running`: samples arrive, too few to tell. `pass`, `fail`: decided. `inconclusive`:
 * evidence is stale, mismatched or missing past its time. `error`: the measurement itself failed. Only `pass` passes.
 */
export const verdictOutcome = z.enum(['pending', 'running', 'pass', 'fail', 'inconclusive', 'error']);
export type VerdictOutcome = z.infer<typeof verdictOutcome>;

export const comparison = z.enum(['>=', '<', '<=']);

/** What a gate concluded, with everything needed to explain it. */
export const verdict = openObject({
  gate: z.string().min(1),
  outcome: verdictOutcome,
  value: z.number().nullable(),
  /** 95% confidence interval in the unit of the value. */
  interval: openObject({ low: z.number(), high: z.number() }).nullable(),
  operator: comparison,
  threshold: z.number(),
  samples: z.number().int().nonnegative(),
  minSamples: z.number().int().nonnegative(),
  window: openObject({ from: z.iso.datetime(), to: z.iso.datetime() }).nullable(),
  stageEpoch: z.number().int().nonnegative(),
  modelDigest: digest,
  datasetDigest: digest.nullable(),
  /** Where the evidence stands: `telemetry`, an evaluation id, `incidents`. */
  source: z.string().min(1),
  /** A verdict that is shown and does not decide. */
  dryRun: z.boolean(),
  /** One sentence for people. */
  sentence: z.string().min(1),
});
export type Verdict = z.infer<typeof verdict>;
