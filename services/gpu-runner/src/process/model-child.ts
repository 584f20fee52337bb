import { type Dataset, readDataset } from '@conclave/bundles';
import { ConclaveError, isConclaveError, messageOf } from '@conclave/contracts';
import { queriesFor } from '../retrieval/dataset-queries.ts';
import { type Engine, openEngineOver } from '../retrieval/engine.ts';
import type { Query } from '../retrieval/query-encoder.ts';
import { type FromModel, type ToModel, toModel } from './child-protocol.ts';
import { failureOf, serveParent, tellParent } from './parent.ts';

/*
 * The process of one served version. ONNX Runtime's `run` blocks the thread it is called on and may crash it; both end here.
 */
const PROBES = 20;
const WARM_UP_ROUNDS = 3;

let engine: Engine | undefined;
const tell = (message: FromModel) => tellParent(message);

serveParent(toModel, async (message) => {
  if (message.type === 'load') await load(message);
  else await search(message);
});

async function load({ bundleDir, datasetDir, provider }: Extract<ToModel, { type: 'load' }>): Promise<void> {
  const startedAt = performance.now();
  try {
    const dataset = readDataset(datasetDir);
    engine = await openEngineOver(bundleDir, dataset, provider);
    const probes = probesOf(engine, dataset);
    await warmUp(engine, probes);
    const { form, documents } = engine;
    tell({ type: 'ready', form, documents, warmupMs: performance.now() - startedAt, probes });
  } catch (error) {
    tell({
      type: 'load_failed',
      ...failureOf(error, 'CVE_BUNDLE_INVALID', { bundle: bundleDir, dataset: datasetDir }),
    });
  }
}

/** Vector queries that the dataset lacks are made up: serving does not need the dataset's queries. */
function probesOf({ form }: Engine, dataset: Dataset): Query[] {
  try {
    return queriesFor(form, dataset, PROBES);
  } catch {
    return [form.kind === 'text' ? 'probe' : Array(form.features).fill(1)];
  }
}

async function warmUp(opened: Engine, probes: readonly Query[]): Promise<void> {
  try {
    for (let round = 0; round < WARM_UP_ROUNDS; round++) {
      await opened.search(probes.slice(round, round + 1).concat(probes.slice(0, 1)), 10);
    }
  } catch (cause) {
    if (!isConclaveError(cause, 'CVE_INFER_FAILED') && !isConclaveError(cause, 'CVE_INFER_INVALID')) throw cause;
    throw new ConclaveError('CVE_BUNDLE_ONNX_INVALID', `the warm-up queries failed: ${messageOf(cause)}`, { cause });
  }
}

async function search({ id, queries, k }: Extract<ToModel, { type: 'search' }>): Promise<void> {
  try {
    if (engine === undefined) throw new ConclaveError('CVE_INFER_NOT_READY', 'the model is not loaded yet; try again');
    tell({ type: 'answer', id, answers: await engine.search(queries, k) });
  } catch (error) {
    tell({ type: 'failure', id, ...failureOf(error, 'CVE_INFER_FAILED') });
  }
}
