import { compareRetrieved, type Retrieved } from '../statistics/ndcg.ts';

/** Document vectors, row-major, and the ids of their rows. */
export interface DocumentVectors {
  readonly ids: readonly string[];
  /** float32 [ids.length, dimensions] */
  readonly vectors: Float32Array;
  readonly dimensions: number;
}

/**
 * The k documents with the highest dot product, best first; equal scores by id, descending. Scores are float32, so that
 * they do not depend on how the runtime batches.
 * @param query float32 of length `dimensions`
 */
export function topDocuments(query: Float32Array, documents: DocumentVectors, k: number): Retrieved[] {
  const best: Retrieved[] = [];
  for (const [row, id] of documents.ids.entries()) {
    const entry = { id, score: dotProduct(query, documents.vectors, row * documents.dimensions) };
    const worst = best.at(-1);
    if (best.length === k && worst !== undefined && compareFast(entry, worst) >= 0) continue;
    let place = best.length;
    for (let above = best[place - 1]; above !== undefined && compareFast(entry, above) < 0; above = best[place - 1]) {
      place--;
    }
    best.splice(place, 0, entry);
    if (best.length > k) best.pop();
  }
  return best;
}

function compareFast(a: Retrieved, b: Retrieved): number {
  return a.score === b.score ? compareRetrieved(a, b) : b.score - a.score;
}

function dotProduct(query: Float32Array, matrix: Float32Array, offset: number): number {
  let sum = 0;
  for (let i = 0; i < query.length; i++) sum += (query[i] ?? 0) * (matrix[offset + i] ?? 0);
  return Math.fround(sum);
}
