/** One retrieved document and the score it was ranked by; higher is better. */
export interface Retrieved {
  readonly id: string;
  readonly score: number;
}

/** Grades of the judged documents of one query. A grade of 0 or below means not relevant. */
export type Grades = ReadonlyMap<string, number>;

/** How a grade becomes a gain: `linear` as trec_eval does, `exponential` 2^grade - 1. */
export type Gain = 'linear' | 'exponential';

/** NDCG of each query that counts, in the order of the queries, and how many were left out. */
export interface NdcgByQuery {
  readonly values: readonly number[];
  /** The ids of these queries, in the same order. */
  readonly ids: readonly string[];
  /** Queries without any relevant document: nothing can be said about them. */
  readonly emptyQueries: number;
}

/**
 * Orders documents as trec_eval does: by score, best first; equal scores by document id, descending in byte order. What
 * a model ranks equally is thereby ordered without regard to its position in the corpus.
 */
export function compareRetrieved(a: Retrieved, b: Retrieved): number {
  return b.score - a.score || Buffer.compare(Buffer.from(b.id), Buffer.from(a.id));
}

/**
 * Normalised discounted cumulated gain of one ranking at cut-off k (Jaervelin & Kekaelaeinen, ACM TOIS 20(4), 2002) in
 * trec_eval's form: the document at rank r adds gain / log2(r + 1), divided by the same sum over the ideal ranking of
 * *all* judged relevant documents. Unjudged documents gain nothing; an empty ranking scores 0.
 * @returns 0 to 1; undefined when no document is relevant.
 */
export function ndcgAt(k: number, retrieved: readonly Retrieved[], grades: Grades, gain: Gain): number | undefined {
  const ideal = discounted(
    [...grades.values()].map((grade) => gainOf(grade, gain)).sort((a, b) => b - a),
    k,
  );
  if (ideal === 0) return undefined;
  const ranking = [...retrieved].sort(compareRetrieved).slice(0, k);
  return (
    discounted(
      ranking.map(({ id }) => gainOf(grades.get(id) ?? 0, gain)),
      k,
    ) / ideal
  );
}

/**
 * NDCG@k of a run over queries. A query that nothing was retrieved for scores 0.
 * @param run rankings by query id
 * @param qrels grades by query id
 */
export function ndcgByQuery(
  k: number,
  queryIds: readonly string[],
  run: ReadonlyMap<string, readonly Retrieved[]>,
  qrels: ReadonlyMap<string, Grades>,
  gain: Gain,
): NdcgByQuery {
  const counted = queryIds.flatMap((id) => {
    const value = ndcgAt(k, run.get(id) ?? [], qrels.get(id) ?? new Map(), gain);
    return value === undefined ? [] : [{ id, value }];
  });
  return {
    values: counted.map(({ value }) => value),
    ids: counted.map(({ id }) => id),
    emptyQueries: queryIds.length - counted.length,
  };
}

function gainOf(grade: number, gain: Gain): number {
  if (grade <= 0) return 0;
  return gain === 'linear' ? grade : 2 ** grade - 1;
}

function discounted(gains: readonly number[], k: number): number {
  return gains.slice(0, k).reduce((sum, gain, index) => sum + gain / Math.log2(index + 2), 0);
}
