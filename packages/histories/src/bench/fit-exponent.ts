/**
 * The exponent b of y = a x^b by least squares over the logarithms: 1 is proportional, 0 the same at any length. Undefined for fewer than
 * two points or a y that is not positive.
 */
export function fitExponent(points: readonly (readonly [x: number, y: number])[]): number | undefined {
  if (points.length < 2 || points.some(([, y]) => y <= 0)) return undefined;
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const);
  const mean = (which: 0 | 1): number => logs.reduce((sum, pair) => sum + pair[which], 0) / logs.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  const covariance = logs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const variance = logs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return variance === 0 ? undefined : covariance / variance;
}
