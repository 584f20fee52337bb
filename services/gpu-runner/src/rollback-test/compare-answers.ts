import type { Retrieved } from '../statistics/ndcg.ts';

export interface AnswerDifference {
  /** Largest difference of the scores at one rank, in parts of the score where that is above 1: rounding grows with the score. */
  readonly score: number;
  /** No document was found by one answer and not by the other, but for those at the cut-off whose scores are equal within the tolerance. */
  readonly sameDocuments: boolean;
}

/** How two answers to one query differ. Documents with equal scores, within the tolerance, may change places. */
export function differenceOf(a: readonly Retrieved[], b: readonly Retrieved[], tolerance: number): AnswerDifference {
  if (a.length !== b.length) return { score: Number.MAX_VALUE, sameDocuments: false };
  const score = a.reduce(
    (max, { score }, rank) => Math.max(max, Math.abs(score - (b[rank]?.score ?? 0)) / scaleOf(score)),
    0,
  );
  return { score, sameDocuments: contains(a, b, tolerance) && contains(b, a, tolerance) };
}

function contains(all: readonly Retrieved[], those: readonly Retrieved[], tolerance: number): boolean {
  const ids = new Set(all.map(({ id }) => id));
  const last = those.at(-1)?.score ?? 0;
  const cutOff = last + tolerance * scaleOf(last);
  return those.every(({ id, score }) => ids.has(id) || score <= cutOff);
}

function scaleOf(score: number): number {
  return Math.max(1, Math.abs(score));
}
