import { z } from 'zod';

/**
 * A mergeable latency sketch with bounded relative error: DDSketch (Masson, Rim, Lee, VLDB 2019) with accuracy 1%.
 * Bucket i holds values in (gamma^(i-1), gamma^i] milliseconds; values at or below 1 microsecond share bucket `MIN`.
 */
const ACCURACY = 0.01;
const GAMMA = (1 + ACCURACY) / (1 - ACCURACY);
const LOG_GAMMA = Math.log(GAMMA);
const SMALLEST_MS = 0.001;

/** Counts by bucket index, sparse. JSON-safe. */
export const latencySketch = z.object({
  count: z.number().int().nonnegative(),
  buckets: z.record(z.string().regex(/^-?\d+$/), z.number().int().positive()),
});
export type LatencySketch = z.infer<typeof latencySketch>;

export function emptySketch(): LatencySketch {
  return { count: 0, buckets: {} };
}

/** Adds one latency in milliseconds, in place. Not-a-number and negative values throw RangeError. */
export function addLatency(sketch: LatencySketch, latencyMs: number): void {
  if (!(latencyMs >= 0)) throw new RangeError(`a latency must be a number of milliseconds >= 0, got ${latencyMs}`);
  const index = String(Math.ceil(Math.log(Math.max(latencyMs, SMALLEST_MS)) / LOG_GAMMA));
  sketch.buckets[index] = (sketch.buckets[index] ?? 0) + 1;
  sketch.count += 1;
}

/** A new sketch holding both. */
export function mergeSketches(a: LatencySketch, b: LatencySketch): LatencySketch {
  const both = { count: a.count, buckets: { ...a.buckets } };
  addSketch(both, b);
  return both;
}

/** Adds another sketch to one's own, in place. */
export function addSketch(own: LatencySketch, other: LatencySketch): void {
  for (const [index, count] of Object.entries(other.buckets)) own.buckets[index] = (own.buckets[index] ?? 0) + count;
  own.count += other.count;
}

/** The value in milliseconds at rank ceil(q * count), within 1%; undefined for an empty sketch. */
export function quantile(sketch: LatencySketch, q: number): number | undefined {
  return valueAtRank(sketch, Math.max(1, Math.ceil(q * sketch.count)));
}

/**
 * A confidence interval of quantile q from order statistics: ranks n q -+ z sqrt(n q (1 - q)) (Conover, Practical Nonparametric
 * Statistics, 3.2). Undefined for an empty sketch.
 * @param z standard normal quantile; 1.96 gives 95%
 */
export function quantileInterval(
  sketch: LatencySketch,
  q: number,
  z = 1.96,
): { low: number; high: number } | undefined {
  const n = sketch.count;
  if (n === 0) return undefined;
  const spread = z * Math.sqrt(n * q * (1 - q));
  const low = valueAtRank(sketch, Math.max(1, Math.floor(n * q - spread)));
  const high = valueAtRank(sketch, Math.min(n, Math.ceil(n * q + spread) + 1));
  return low === undefined || high === undefined ? undefined : { low, high };
}

function valueAtRank(sketch: LatencySketch, rank: number): number | undefined {
  let seen = 0;
  const sorted = Object.entries(sketch.buckets).map(([index, count]) => [Number(index), count] as const);
  sorted.sort((a, b) => a[0] - b[0]);
  for (const [index, count] of sorted) {
    seen += count;
    if (seen >= rank) return (2 * GAMMA ** index) / (GAMMA + 1);
  }
  return undefined;
}
