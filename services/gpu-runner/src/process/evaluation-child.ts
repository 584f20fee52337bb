import { setPriority } from 'node:os';
import { type Dataset, readDataset } from '@conclave/bundles';
import { ConclaveError } from '@conclave/contracts';
import { queriesFor } from '../retrieval/dataset-queries.ts';
import { openEngineOver } from '../retrieval/engine.ts';
import type { Provider } from '../retrieval/onnx-model.ts';
import { bootstrapMean, type Estimate } from '../statistics/bootstrap.ts';
import { ndcgByQuery, type Retrieved } from '../statistics/ndcg.ts';
import { lossPValue } from '../statistics/permutation.ts';
import { failureOf, serveParent, tellParent } from './parent.ts';
import { type FromEvaluation, type Measurement, type ToEvaluation, toEvaluation } from './protocol.ts';

/*
 * The process of one offline evaluation: low priority, so that it never distorts the latency of what is served beside it.
 */
const CUT_OFF = 10;

const tell = (message: FromEvaluation) => tellParent(message);

serveParent(toEvaluation, async (order) => {
  try {
    setPriority(order.priority);
    tell({ type: 'measured', measurement: await measure(order) });
  } catch (error) {
    const { bundleDir: bundle, baselineDir: baseline, datasetDir: dataset } = order;
    tell({ type: 'failed', ...failureOf(error, 'CVE_EVALUATION_FAILED', { bundle, baseline, dataset }) });
  }
});

async function measure({ bundleDir, baselineDir, datasetDir, provider, seed }: ToEvaluation): Promise<Measurement> {
  const dataset = readDataset(datasetDir);
  const bundles = baselineDir === undefined ? [bundleDir] : [bundleDir, baselineDir];
  const total = dataset.queries.length * bundles.length;
  const runs: Run[] = [];
  for (const [index, dir] of bundles.entries()) {
    const onProgress = (done: number) => tell({ type: 'progress', done: index * dataset.queries.length + done, total });
    runs.push(await runOf(dir, dataset, provider, onProgress));
  }
  const [candidate, baseline] = runs;
  if (candidate === undefined) throw new ConclaveError('CVE_EVALUATION_FAILED', 'no bundle was given');
  const linear = ndcgOf(candidate, dataset, 'linear');
  const exponential = ndcgOf(candidate, dataset, 'exponential');
  return {
    queries: linear.values.length,
    emptyQueries: linear.emptyQueries,
    documents: dataset.documents.length,
    metrics: {
      'ndcg@10': bootstrapMean(linear.values, `${seed}/ndcg@10`),
      'ndcg@10_exponential': bootstrapMean(exponential.values, `${seed}/ndcg@10_exponential`),
    },
    ...(baseline === undefined
      ? {}
      : { comparison: compare(linear.values, ndcgOf(baseline, dataset, 'linear').values, seed) }),
  };
}

type Run = ReadonlyMap<string, readonly Retrieved[]>;

async function runOf(
  bundleDir: string,
  dataset: Dataset,
  provider: Provider,
  onProgress: (done: number) => void,
): Promise<Run> {
  const onEncoded = () => tell({ type: 'encoded' });
  const engine = await openEngineOver(bundleDir, dataset, provider, { indexOnce: true, onEncoded });
  const queries = queriesFor(engine.form, dataset);
  const run = new Map<string, readonly Retrieved[]>();
  for (const [index, { _id }] of dataset.queries.entries()) {
    const [answer] = await engine.search(queries.slice(index, index + 1), CUT_OFF);
    run.set(_id, answer ?? []);
    onProgress(run.size);
  }
  await engine.release();
  return run;
}

function ndcgOf(run: Run, dataset: Dataset, gain: 'linear' | 'exponential') {
  const ids = dataset.queries.map(({ _id }) => _id);
  const result = ndcgByQuery(CUT_OFF, ids, run, dataset.qrels, gain);
  if (result.values.length > 0) return result;
  const where = `qrels/${dataset.manifest.split}.tsv`;
  throw new ConclaveError(
    'CVE_DATASET_INVALID',
    `${where}: no query has a relevant document, so nothing can be measured; add grades above 0`,
  );
}

/** Both lists hold the same queries in the same order: which queries count depends on the qrels alone. */
function compare(
  candidate: readonly number[],
  baseline: readonly number[],
  seed: string,
): { difference: Estimate; lossPValue: number; queries: number } {
  const differences = candidate.map((value, index) => value - (baseline[index] ?? 0));
  return {
    difference: bootstrapMean(differences, `${seed}/difference`),
    lossPValue: lossPValue(differences, `${seed}/loss`),
    queries: differences.length,
  };
}
