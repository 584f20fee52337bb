import { setPriority } from 'node:os';
import { type Dataset, readDataset } from '@conclave/bundles';
import { ConclaveError, isConclaveError } from '@conclave/contracts';
import { queriesFor } from '../retrieval/dataset-queries.ts';
import { openEngineOver } from '../retrieval/engine.ts';
import type { Provider } from '../retrieval/onnx-model.ts';
import { bootstrapMean } from '../statistics/bootstrap.ts';
import { type NdcgByQuery, ndcgByQuery, type Retrieved } from '../statistics/ndcg.ts';
import { lossPValue } from '../statistics/permutation.ts';
import {
  type Comparison,
  type Difference,
  type FromEvaluation,
  type Measurement,
  type ToEvaluation,
  toEvaluation,
} from './child-protocol.ts';
import { failureOf, serveParent, tellParent } from './parent.ts';

/*
 * The process of one offline evaluation: low priority, so that it never distorts the latency of what is served beside it. The version
 * itself is measured and told before anything is tried with the baseline.
 */
const CUT_OFF = 10;

const tell = (message: FromEvaluation) => tellParent(message);

serveParent(toEvaluation, async (order) => {
  const { name, bundleDir, datasetDir, baseline } = order;
  const folders = {
    bundle: bundleDir,
    dataset: datasetDir,
    baseline: baseline?.bundleDir,
    'the dataset of stable': baseline?.ownDatasetDir,
  };
  const failed = (who: string, error: unknown): void => {
    const { code, message } = failureOf(error, 'CVE_EVALUATION_FAILED', folders);
    tell({ type: 'failed', code, message: `${who}: ${message.replace(/^CVE_\w+: /, '')}` });
  };
  let measured: Measured;
  try {
    setPriority(order.priority);
    measured = await measure(order);
    tell({ type: 'measured', measurement: measured.measurement });
  } catch (error) {
    return failed(name, error);
  }
  if (baseline === undefined) return;
  try {
    tell({ type: 'compared', comparison: await compare(measured, order, baseline) });
  } catch (error) {
    failed(baseline.name, error);
  }
});

interface Measured {
  readonly dataset: Dataset;
  readonly run: Run;
  readonly measurement: Measurement;
  readonly scores: NdcgByQuery;
}

async function measure(order: ToEvaluation): Promise<Measured> {
  const { bundleDir, datasetDir, provider, seed } = order;
  const dataset = readDataset(datasetDir);
  const run = await runOf(bundleDir, dataset, provider, progressOf(order, dataset, 0));
  const scores = ndcgOf(run, dataset, 'linear');
  const exponential = ndcgOf(run, dataset, 'exponential');
  const measurement = {
    queries: scores.values.length,
    emptyQueries: scores.emptyQueries,
    documents: dataset.documents.length,
    metrics: {
      'ndcg@10': bootstrapMean(scores.values, `${seed}/ndcg@10`),
      'ndcg@10_exponential': bootstrapMean(exponential.values, `${seed}/ndcg@10_exponential`),
    },
  };
  return { dataset, run, measurement, scores };
}

/** Progress over the queries of both versions, where there are two. */
function progressOf({ baseline }: ToEvaluation, { queries }: Dataset, before: number): (done: number) => void {
  const total = queries.length * (baseline === undefined ? 1 : 2);
  return (done) => tell({ type: 'progress', done: Math.min(total, before + done), total });
}

type Run = ReadonlyMap<string, readonly Retrieved[]>;
type Baseline = NonNullable<ToEvaluation['baseline']>;

/** The baseline over the same documents, and where it cannot search these, over its own. */
async function compare(measured: Measured, order: ToEvaluation, baseline: Baseline): Promise<Comparison> {
  const { dataset, scores } = measured;
  try {
    const onProgress = progressOf(order, dataset, dataset.queries.length);
    const run = await runOf(baseline.bundleDir, dataset, order.provider, onProgress);
    return differenceOf(scores, ndcgOf(run, dataset, 'linear'), order.seed);
  } catch (error) {
    if (baseline.ownDatasetDir === undefined || !isAboutDocuments(error)) throw error;
    return await compareOnOwn(measured, order, baseline, baseline.ownDatasetDir);
  }
}

/**
 * Both are asked the same queries, each over the documents it has, and judged by the same grades: the dataset's, and those of the
 * baseline's own dataset for documents that only this has. So what only one can find counts for it. What the baseline could find is
 * looked at once more by itself (`shared`): documents that are new must not hide that old ones are found worse.
 */
async function compareOnOwn(
  { dataset, run }: Measured,
  order: ToEvaluation,
  baseline: Baseline,
  ownDatasetDir: string,
): Promise<Comparison> {
  const own = readDataset(ownDatasetDir);
  const known = new Map(own.queries.map((query) => [contentOf(query), query]));
  // As its own dataset has it, a query has the form that the baseline takes.
  const queries = dataset.queries.map((query) => ({ ...(known.get(contentOf(query)) ?? query), _id: query._id }));
  const onProgress = progressOf(order, dataset, dataset.queries.length);
  const ofBaseline = await runOf(baseline.bundleDir, { ...own, queries }, order.provider, onProgress);
  const qrels = new Map(
    dataset.queries.map((query) => [query._id, gradesOf(query, dataset, own, known.get(contentOf(query))?._id)]),
  );
  const judged = { ...dataset, qrels };
  const scores = ndcgOf(run, judged, 'linear');
  const baselineScores = ndcgOf(ofBaseline, judged, 'linear');
  const had = documentsOf(own);
  const isShared = (id: string): boolean =>
    [...(qrels.get(id) ?? [])].some(([doc, grade]) => grade > 0 && had.has(doc));
  return {
    ...differenceOf(scores, baselineScores, order.seed),
    shared: differenceOf(scores, baselineScores, `${order.seed}/shared`, isShared),
  };
}

/** The grades of a query, and those that another dataset gives the same query for documents that this one lacks. */
function gradesOf(
  { _id }: Dataset['queries'][number],
  dataset: Dataset,
  own: Dataset,
  ownId: string | undefined,
): ReadonlyMap<string, number> {
  const present = documentsOf(dataset);
  const others = ownId === undefined ? [] : [...(own.qrels.get(ownId) ?? [])];
  return new Map([...others.filter(([document]) => !present.has(document)), ...(dataset.qrels.get(_id) ?? [])]);
}

const documents = new WeakMap<Dataset, ReadonlySet<string>>();

function documentsOf(dataset: Dataset): ReadonlySet<string> {
  const known = documents.get(dataset) ?? new Set(dataset.documents.map(({ _id }) => _id));
  documents.set(dataset, known);
  return known;
}

/** The bundle is for other documents, or needs of them or of the queries what this dataset does not have. */
function isAboutDocuments(error: unknown): boolean {
  return isConclaveError(error, 'CVE_BUNDLE_INVALID') || isConclaveError(error, 'CVE_DATASET_INVALID');
}

/** What makes two queries the same: their text, and only without one their vector, which may follow from the model. */
function contentOf({ text, vector }: Dataset['queries'][number]): string {
  return text === '' ? JSON.stringify(vector ?? null) : text;
}

async function runOf(
  bundleDir: string,
  dataset: Dataset,
  provider: Provider,
  onProgress: (done: number) => void,
): Promise<Run> {
  const onEncoded = () => tell({ type: 'encoded' });
  const engine = await openEngineOver(bundleDir, dataset, provider, { indexOnce: true, onEncoded });
  try {
    const queries = queriesFor(engine.form, dataset);
    const run = new Map<string, readonly Retrieved[]>();
    for (const [index, { _id }] of dataset.queries.entries()) {
      const [answer] = await engine.search(queries.slice(index, index + 1), CUT_OFF);
      run.set(_id, answer ?? []);
      onProgress(run.size);
    }
    return run;
  } finally {
    await engine.release();
  }
}

function ndcgOf(run: Run, dataset: Dataset, gain: 'linear' | 'exponential'): NdcgByQuery {
  const ids = dataset.queries.map(({ _id }) => _id);
  const result = ndcgByQuery(CUT_OFF, ids, run, dataset.qrels, gain);
  if (result.values.length > 0) return result;
  const where = `qrels/${dataset.manifest.split}.tsv`;
  throw new ConclaveError(
    'CVE_DATASET_INVALID',
    `${where}: no query has a relevant document, so nothing can be measured; add grades above 0`,
  );
}

/** Both count the same queries, in the same order: which ones depends on the grades alone. */
function differenceOf(
  candidate: NdcgByQuery,
  baseline: NdcgByQuery,
  seed: string,
  counts: (id: string) => boolean = () => true,
): Difference {
  const differences = candidate.ids.flatMap((id, index) =>
    counts(id) ? [(candidate.values[index] ?? 0) - (baseline.values[index] ?? 0)] : [],
  );
  if (differences.length === 0) return { difference: { value: 0, low: 0, high: 0 }, lossPValue: 1, queries: 0 };
  return {
    difference: bootstrapMean(differences, `${seed}/difference`),
    lossPValue: lossPValue(differences, `${seed}/loss`),
    queries: differences.length,
  };
}
