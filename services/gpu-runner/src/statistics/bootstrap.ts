import { seededRandom } from './random.ts';

const RESAMPLES = 10_000;

/** A mean with its 95% confidence interval, in the unit of the values. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** The arithmetic mean. @throws RangeError for no values. */
export function meanOf(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('the mean of no values is undefined');
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * The mean with its 95% percentile-bootstrap interval: the 2.5% and 97.5% quantiles of the means of 10,000 resamples with
 * replacement (Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13).
 * @param seed makes the interval repeatable, e.g. a digest
 * @throws RangeError for no values
 */
export function bootstrapMean(values: readonly number[], seed: string): Estimate {
  const value = meanOf(values);
  const random = seededRandom(seed);
  const n = values.length;
  const means = new Float64Array(RESAMPLES);
  for (let r = 0; r < RESAMPLES; r++) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += values[Math.floor(random() * n)] ?? 0;
    means[r] = sum / n;
  }
  means.sort();
  return {
    value,
    low: means[Math.floor(0.025 * RESAMPLES)] ?? value,
    high: means[Math.ceil(0.975 * RESAMPLES)] ?? value,
  };
}
