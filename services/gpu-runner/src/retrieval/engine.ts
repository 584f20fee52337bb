import { type Dataset, readBundle, readDataset } from '@conclave/bundles';
import { type BundleManifest, ConclaveError } from '@conclave/contracts';
import type { Retrieved } from '../statistics/ndcg.ts';
import { type DocumentIndex, openDocumentIndex } from './document-index.ts';
import { type DotProducts, openDotProducts } from './dot-products.ts';
import type { Provider } from './onnx-model.ts';
import { openQueryEncoder, type Query, type QueryEncoder, type QueryForm } from './query-encoder.ts';
import { topDocuments } from './top-documents.ts';

/** Queries that one run of the query model encodes. */
const QUERY_BATCH = 64;

/** A bundle over a dataset's documents, ready to answer. */
export interface Engine {
  readonly version: string;
  readonly form: QueryForm;
  /** How many documents it searches. */
  readonly documents: number;
  /**
   * The k best documents for each query, best first.
   * @throws CVE_INFER_INVALID for a query of the wrong form or too large to be scored; CVE_INFER_FAILED
   */
  search(queries: readonly Query[], k: number): Promise<Retrieved[][]>;
  release(): Promise<void>;
}

/**
 * Opens a bundle directory over a dataset directory, and encodes the documents if the bundle wants that on load.
 * @throws CVE_BUNDLE_INVALID, CVE_BUNDLE_ONNX_INVALID, CVE_DATASET_INVALID
 */
export async function openEngine(bundleDir: string, datasetDir: string, provider: Provider): Promise<Engine> {
  return await openEngineOver(bundleDir, readDataset(datasetDir), provider);
}

export interface EngineOptions {
  /** Encode the documents once even for a `per_query` bundle: the same vectors, so the same answers in a fraction of the time. */
  readonly indexOnce?: boolean;
  /** Called after each batch of documents that is encoded while the engine opens. */
  readonly onEncoded?: () => void;
}

/** The same over a dataset that was read before. */
export async function openEngineOver(
  bundleDir: string,
  dataset: Dataset,
  provider: Provider,
  { indexOnce = false, onEncoded }: EngineOptions = {},
): Promise<Engine> {
  const manifest = readBundle(bundleDir);
  const encoder = await openQueryEncoder(bundleDir, manifest, provider);
  const indexed = indexOnce ? indexedOnce(manifest) : manifest;
  const index = await openDocumentIndex(bundleDir, indexed, dataset, provider, onEncoded);
  const products = await openDotProducts(manifest.embedding.dimensions);
  return {
    version: manifest.version,
    form: encoder.form,
    documents: index.size,
    search: (queries, k) => search({ encoder, index, products, dimensions: manifest.embedding.dimensions }, queries, k),
    release: async () => {
      await encoder.release();
      await index.release();
      await products.release();
    },
  };
}

function indexedOnce(manifest: BundleManifest): BundleManifest {
  const { documents } = manifest;
  return documents.kind === 'pictures' ? { ...manifest, documents: { ...documents, index: 'on_load' } } : manifest;
}

interface Parts {
  readonly encoder: QueryEncoder;
  readonly index: DocumentIndex;
  readonly products: DotProducts;
  readonly dimensions: number;
}

async function search(
  { encoder, index, products, dimensions }: Parts,
  queries: readonly Query[],
  k: number,
): Promise<Retrieved[][]> {
  const answers: Retrieved[][] = [];
  for (let start = 0; start < queries.length; start += QUERY_BATCH) {
    const batch = queries.slice(start, start + QUERY_BATCH);
    const vectors = await encoder.encode(batch);
    for (let row = 0; row < batch.length; row++) {
      const vector = vectors.subarray(row * dimensions, (row + 1) * dimensions);
      const documents = await index.forQuery();
      answers.push(topDocuments(documents.ids, finite(await products.score(vector, documents)), k));
    }
  }
  return answers;
}

function finite(scores: Float32Array): Float32Array {
  if (scores.every(Number.isFinite)) return scores;
  throw new ConclaveError(
    'CVE_INFER_INVALID',
    'a score of this query is not finite; send smaller numbers, or normalise the vectors in the model',
  );
}
