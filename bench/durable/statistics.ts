import type { Row } from './figures.ts';

/** The middle value, or the mean of the two in the middle. @throws when there is none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  if (low === undefined || high === undefined) throw new Error('the median of no values');
  return (low + high) / 2;
}

/** Half the distance from the least to the largest value, as a share of the median. */
export function spread(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / 2 / median(values);
}

/**
 * The exponent k of `seconds = c * actions^k`: the slope of the least-squares line through the logarithms. 1 is the same cost per action at
 * any number. Undefined with fewer than two different counts.
 */
export function fittedExponent(rows: readonly Row[]): number | undefined {
  const points = rows.map(({ actions, seconds }) => ({ x: Math.log(actions), y: Math.log(seconds) }));
  const mean = (pick: (point: { x: number; y: number }) => number): number =>
    points.reduce((sum, point) => sum + pick(point), 0) / points.length;
  const [meanX, meanY] = [mean(({ x }) => x), mean(({ y }) => y)];
  const variance = mean(({ x }) => (x - meanX) ** 2);
  if (points.length < 2 || variance === 0) return undefined;
  return mean(({ x, y }) => (x - meanX) * (y - meanY)) / variance;
}
