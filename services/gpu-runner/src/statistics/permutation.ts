import { seededRandom } from './random.ts';

const PERMUTATIONS = 10_000;
/** Sums of the same numbers in another order may differ by rounding; such sums count as equal. */
const ROUNDING = 1e-12;

/**
 * One-sided p-value for a loss: how probable a mean difference as low as the measured one would be if both systems were
 * equal, so that each pair's sign were a coin toss. Paired randomisation test (Smucker, Allan & Carterette, CIKM 2007)
 * over 10,000 random sign flips, p = (as low + 1) / (flips + 1).
 * @param differences candidate minus baseline, one a query
 * @param seed makes the p-value repeatable, e.g. a digest
 * @returns in (0, 1]; 1 when all differences are zero or there are none
 */
export function lossPValue(differences: readonly number[], seed: string): number {
  const random = seededRandom(seed);
  const measured = differences.reduce((sum, d) => sum + d, 0);
  const nonZero = differences.filter((d) => d !== 0);
  let asLow = 0;
  for (let p = 0; p < PERMUTATIONS; p++) {
    let sum = 0;
    for (const d of nonZero) sum += random() < 0.5 ? d : -d;
    if (sum <= measured + ROUNDING) asLow++;
  }
  return (asLow + 1) / (PERMUTATIONS + 1);
}
