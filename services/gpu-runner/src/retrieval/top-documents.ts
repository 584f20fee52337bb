import { compareRetrieved, type Retrieved } from '../statistics/ndcg.ts';

/** The k documents with the highest scores, best first; equal scores by id, descending. */
export function topDocuments(ids: readonly string[], scores: Float32Array, k: number): Retrieved[] {
  const best: Retrieved[] = [];
  for (const [row, id] of ids.entries()) {
    const score = scores[row] ?? 0;
    const worst = best.at(-1);
    if (best.length === k && worst !== undefined && score < worst.score) continue;
    insert(best, { id, score });
    if (best.length > k) best.pop();
  }
  return best;
}

function insert(best: Retrieved[], entry: Retrieved): void {
  let low = 0;
  let high = best.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = best[middle];
    if (other !== undefined && compareRetrieved(other, entry) <= 0) low = middle + 1;
    else high = middle;
  }
  best.splice(low, 0, entry);
}
