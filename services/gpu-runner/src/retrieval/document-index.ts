import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Dataset, readDocumentIds } from '@conclave/bundles';
import { type BundleManifest, ConclaveError, messageOf } from '@conclave/contracts';
import type { DocumentVectors } from './dot-products.ts';
import { type OnnxModel, openOnnx, type Provider } from './onnx-model.ts';
import { pictureTensor } from './picture.ts';

/** Pictures that one run of the picture model encodes. */
const PICTURE_BATCH = 64;

type PictureDocuments = Extract<BundleManifest['documents'], { kind: 'pictures' }>;
type EmbeddedDocuments = Extract<BundleManifest['documents'], { kind: 'embeddings' }>;

/** The documents a version searches. */
export interface DocumentIndex {
  readonly size: number;
  /** The vectors to search for one query: the same each time, or computed anew for a `per_query` bundle. */
  forQuery(): Promise<DocumentVectors>;
  release(): Promise<void>;
}

/**
 * Builds the index of a bundle over a dataset's documents.
 * @param onEncoded called after each batch of pictures that is encoded while the index is built
 * @throws CVE_BUNDLE_ONNX_INVALID, CVE_BUNDLE_INVALID for embeddings of other documents than the dataset's, CVE_DATASET_INVALID
 * for a document without a readable picture where the bundle needs one
 */
export function openDocumentIndex(
  dir: string,
  manifest: BundleManifest,
  dataset: Dataset,
  provider: Provider,
  onEncoded: () => void = () => {},
): Promise<DocumentIndex> {
  const { documents, embedding } = manifest;
  return documents.kind === 'pictures'
    ? openPictures(dir, documents, embedding.dimensions, dataset, provider, onEncoded)
    : openEmbeddings(dir, documents, embedding.dimensions, dataset);
}

async function openPictures(
  dir: string,
  documents: PictureDocuments,
  dimensions: number,
  dataset: Dataset,
  provider: Provider,
  onEncoded: () => void,
): Promise<DocumentIndex> {
  const { width, height } = documents.picture;
  const contract = {
    file: documents.onnx,
    input: documents.input,
    inputType: 'float32' as const,
    inputShape: [3, height, width],
    output: documents.output,
    dimensions,
  };
  const model = await openOnnx(dir, contract, provider);
  const ids = dataset.documents.map(({ _id }) => _id);
  const batches = pictureBatches(dataset, documents.picture);
  if (documents.index === 'per_query') {
    const kept = await Array.fromAsync(batches);
    return { size: ids.length, forQuery: () => encode(model, ids, kept, dimensions), release: () => model.release() };
  }
  const encoded = await encode(model, ids, batches, dimensions, onEncoded);
  await model.release();
  return { size: ids.length, forQuery: async () => encoded, release: async () => {} };
}

interface PictureBatch {
  readonly rows: number;
  readonly data: Float32Array;
}

async function encode(
  model: OnnxModel,
  ids: readonly string[],
  batches: AsyncIterable<PictureBatch> | Iterable<PictureBatch>,
  dimensions: number,
  onEncoded: () => void = () => {},
): Promise<DocumentVectors> {
  const vectors = new Float32Array(ids.length * dimensions);
  let offset = 0;
  for await (const { data, rows } of batches) {
    vectors.set(await model.run(data, rows), offset);
    offset += rows * dimensions;
    onEncoded();
  }
  return { ids, vectors, dimensions };
}

/** Decodes a batch when it is asked for: all pictures of a dataset at once may not fit into memory. */
async function* pictureBatches(
  dataset: Dataset,
  format: PictureDocuments['picture'],
): AsyncGenerator<PictureBatch, void, void> {
  const size = 3 * format.width * format.height;
  for (let start = 0; start < dataset.documents.length; start += PICTURE_BATCH) {
    const chunk = dataset.documents.slice(start, start + PICTURE_BATCH);
    const data = new Float32Array(chunk.length * size);
    const tensors = await Promise.all(chunk.map((document) => readPicture(dataset, document, format)));
    for (const [row, tensor] of tensors.entries()) data.set(tensor, row * size);
    yield { rows: chunk.length, data };
  }
}

async function readPicture(
  dataset: Dataset,
  { _id, picture }: Dataset['documents'][number],
  format: PictureDocuments['picture'],
): Promise<Float32Array> {
  if (picture === undefined) {
    const way = 'give it one, or evaluate on a dataset of pictures';
    throw new ConclaveError(
      'CVE_DATASET_INVALID',
      `corpus.jsonl: document ${_id} has no picture, which the model needs; ${way}`,
    );
  }
  try {
    return await pictureTensor(join(dataset.dir, picture), format);
  } catch (cause) {
    throw new ConclaveError(
      'CVE_DATASET_INVALID',
      `${picture}: the picture of document ${_id} cannot be decoded: ${messageOf(cause)}; replace it`,
      { cause },
    );
  }
}

async function openEmbeddings(
  dir: string,
  documents: EmbeddedDocuments,
  dimensions: number,
  dataset: Dataset,
): Promise<DocumentIndex> {
  const ids = readDocumentIds(dir, documents.ids);
  requireSameDocuments(documents.ids, ids, dataset);
  const bytes = readFileSync(join(dir, documents.vectors));
  const vectors = new Float32Array(ids.length * dimensions);
  for (let i = 0; i < vectors.length; i++) vectors[i] = bytes.readFloatLE(i * 4);
  const bad = vectors.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    const row = Math.floor(bad / dimensions);
    throw new ConclaveError(
      'CVE_BUNDLE_INVALID',
      `${documents.vectors}: row ${row} (document ${ids[row]}) holds ${vectors[bad]}; write finite numbers`,
    );
  }
  const encoded = { ids, vectors, dimensions };
  return { size: ids.length, forQuery: async () => encoded, release: async () => {} };
}

function requireSameDocuments(file: string, ids: readonly string[], dataset: Dataset): void {
  const corpus = new Set(dataset.documents.map(({ _id }) => _id));
  const embedded = new Set(ids);
  const unknown = ids.find((id) => !corpus.has(id));
  const missing = dataset.documents.find(({ _id }) => !embedded.has(_id))?._id;
  if (unknown === undefined && missing === undefined) return;
  const problem =
    unknown === undefined ? `has no row for document ${missing}` : `names ${unknown}, which is no document`;
  throw new ConclaveError(
    'CVE_BUNDLE_INVALID',
    `${file}: ${problem} of dataset ${dataset.manifest.name} (${corpus.size} documents, ${ids.length} ids); embed exactly the dataset's documents`,
  );
}
