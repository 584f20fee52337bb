import { setPriority } from 'node:os';
import { type Dataset, readDataset } from '@conclave/bundles';
import { ConclaveError, isConclaveError, messageOf } from '@conclave/contracts';
import { queriesFor } from '../retrieval/dataset-queries.ts';
import { openEngineOver } from '../retrieval/engine.ts';
import type { Provider } from '../retrieval/onnx-model.ts';
import { bootstrapMean } from '../statistics/bootstrap.ts';
import { type NdcgByQuery, ndcgByQuery, type Retrieved } from '../statistics/ndcg.ts';
import { lossPValue } from '../statistics/permutation.ts';
import { failureOf, serveParent, tellParent } from './parent.ts';
import { type Comparison, type FromEvaluation, type Measurement, type ToEvaluation, toEvaluation } from './protocol.ts';

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
  return { dataset, measurement, scores };
}

/** Progress over the queries of both versions, where there are two. */
function progressOf({ baseline }: ToEvaluation, { queries }: Dataset, before: number): (done: number) => void {
  const total = queries.length * (baseline === undefined ? 1 : 2);
  return (done) => tell({ type: 'progress', done: Math.min(total, before + done), total });
}

type Run = ReadonlyMap<string, readonly Retrieved[]>;
type Baseline = NonNullable<ToEvaluation['baseline']>;

/**
 * The baseline over the same documents, and where it cannot search these, over its own with its own grades: then the queries that both
 * datasets have are paired. Each version is so held against what it could find: documents that only one has are no loss of the other.
 */
async function compare(measured: Measured, order: ToEvaluation, baseline: Baseline): Promise<Comparison> {
  const { dataset, scores } = measured;
  const onProgress = progressOf(order, dataset, dataset.queries.length);
  try {
    const run = await runOf(baseline.bundleDir, dataset, order.provider, onProgress);
    return differenceOf(scores, ndcgOf(run, dataset, 'linear'), order.seed, false);
  } catch (error) {
    if (baseline.ownDatasetDir === undefined || !isAboutDocuments(error)) throw error;
    return await compareOnOwn(measured, order, baseline, baseline.ownDatasetDir, messageOf(error));
  }
}

async function compareOnOwn(
  { dataset, scores }: Measured,
  order: ToEvaluation,
  baseline: Baseline,
  ownDatasetDir: string,
  why: string,
): Promise<Comparison> {
  const own = readDataset(ownDatasetDir);
  const contents = new Map(dataset.queries.map((query) => [query._id, contentOf(query)]));
  const shared = own.queries.filter((query) => contents.get(query._id) === contentOf(query));
  const onProgress = progressOf(order, dataset, dataset.queries.length);
  const run = await runOf(baseline.bundleDir, { ...own, queries: shared }, order.provider, onProgress);
  const compared = ndcgByQuery(CUT_OFF, [...run.keys()], run, own.qrels, 'linear');
  const comparison = differenceOf(scores, compared, order.seed, true);
  if (comparison.queries > 0) return comparison;
  const text = `it cannot search dataset ${dataset.manifest.name} (${why.replace(/^CVE_\w+: /, '')}), and no query with relevant documents is the same in its own dataset ${own.manifest.name}, so nothing can be compared; keep queries with their ids and texts in the new dataset`;
  throw new ConclaveError('CVE_DATASET_INVALID', text);
}

/** The bundle is for other documents, or needs of them what this dataset does not have. */
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

/** Over the queries that count for both, in the order of the candidate's. */
function differenceOf(candidate: NdcgByQuery, baseline: NdcgByQuery, seed: string, onOwnDataset: boolean): Comparison {
  const others = new Map(baseline.ids.map((id, index) => [id, baseline.values[index] ?? 0]));
  const differences = candidate.ids.flatMap((id, index) => {
    const other = others.get(id);
    return other === undefined ? [] : [(candidate.values[index] ?? 0) - other];
  });
  if (differences.length === 0)
    return { difference: { value: 0, low: 0, high: 0 }, lossPValue: 1, queries: 0, onOwnDataset };
  return {
    difference: bootstrapMean(differences, `${seed}/difference`),
    lossPValue: lossPValue(differences, `${seed}/loss`),
    queries: differences.length,
    onOwnDataset,
  };
}
