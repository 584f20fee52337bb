/** What is learned from: features, and what they should be turned into. */
export interface Pair {
  readonly features: readonly number[];
  readonly meaning: readonly number[];
}

/**
 * The linear map from features to meanings with the least squared error, a little shrunk: ridge regression, (X'X + r I) W = X'Y.
 * @returns row-major [features, dimensions]
 */
export function fit(pairs: readonly Pair[], ridge: number): number[] {
  const features = pairs[0]?.features.length ?? 0;
  const dimensions = pairs[0]?.meaning.length ?? 0;
  const rows = Array.from({ length: features }, (_, row) => {
    const line = new Float64Array(features + dimensions);
    line[row] = ridge;
    return line;
  });
  for (const { features: x, meaning: y } of pairs)
    for (const [i, line] of rows.entries()) {
      const weight = x[i] ?? 0;
      for (const [j, value] of x.entries()) line[j] = (line[j] ?? 0) + weight * value;
      for (const [j, value] of y.entries()) line[features + j] = (line[features + j] ?? 0) + weight * value;
    }
  solve(rows);
  return rows.flatMap((line) => [...line.subarray(features)]);
}

/** Gauss-Jordan elimination in place. With a ridge the left half is positive definite, so no rows have to change places. */
function solve(rows: readonly Float64Array[]): void {
  for (const [column, pivot] of rows.entries()) {
    const head = pivot[column] ?? 1;
    for (const [j, value] of pivot.entries()) pivot[j] = value / head;
    for (const [index, line] of rows.entries()) {
      const factor = line[column] ?? 0;
      if (index === column || factor === 0) continue;
      for (const [j, value] of pivot.entries()) line[j] = (line[j] ?? 0) - factor * value;
    }
  }
}
