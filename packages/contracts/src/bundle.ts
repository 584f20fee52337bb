import { z } from 'zod';
import { modelName, versionName } from './names.ts';

/** A path inside a bundle or dataset: relative, forward slashes, no `..`. */
export const innerPath = z
  .string()
  .min(1)
  .max(200)
  .refine(
    (p) => !p.startsWith('/') && !p.split('/').includes('..') && !p.includes('\\'),
    'must be a relative path without ..',
  );

/** A part of a file name: `qrels/<split>.tsv`. */
const splitName = z
  .string()
  .max(50)
  .refine(
    (split) => /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(split) && !split.includes('..'),
    'must be letters, digits and . _ -, without ..',
  );

const divisor = z.number().refine((value) => value !== 0, 'must not be 0, pixels are divided by it');

const tensorName = z.string().min(1).max(100);

/** Splits text into words and character n-grams and hashes each to 1..buckets; 0 is padding. Defined in docs/bundles.md. */
const hashedNgrams = z.strictObject({
  kind: z.literal('hashed-ngrams'),
  buckets: z.number().int().min(1).max(10_000_000),
  maxTokens: z.number().int().min(1).max(4096),
  ngrams: z.array(z.number().int().min(1).max(10)).min(0).max(10),
});

const textQuery = z.strictObject({
  kind: z.literal('text'),
  onnx: innerPath,
  tokenizer: hashedNgrams,
  /** int64 [batch, maxTokens] */
  input: tensorName,
  /** float32 [batch, dimensions] */
  output: tensorName,
});

const vectorQuery = z.strictObject({
  kind: z.literal('vector'),
  onnx: innerPath,
  /** Length of a query's feature vector; float32 [batch, features]. */
  features: z.number().int().min(1).max(65_536),
  input: tensorName,
  output: tensorName,
});

const pictureDocuments = z.strictObject({
  kind: z.literal('pictures'),
  onnx: innerPath,
  /** float32 NCHW [batch, 3, height, width], value = (byte * scale - mean) / std per channel */
  input: tensorName,
  output: tensorName,
  picture: z.strictObject({
    width: z.number().int().min(1).max(1024),
    height: z.number().int().min(1).max(1024),
    channels: z.enum(['RGB', 'BGR']),
    /** Colour that transparency is flattened on. */
    background: z.string().regex(/^#[0-9a-f]{6}$/, 'must be #rrggbb in lower case'),
    scale: z.number(),
    mean: z.tuple([z.number(), z.number(), z.number()]),
    std: z.tuple([divisor, divisor, divisor]),
  }),
  /** `on_load`: encode every picture once at warm-up. `per_query`: encode them all for each query. */
  index: z.enum(['on_load', 'per_query']),
});

const embeddedDocuments = z.strictObject({
  kind: z.literal('embeddings'),
  /** Raw little-endian float32, row-major [documents, dimensions]. */
  vectors: innerPath,
  /** Text file, one document id a line, in row order. */
  ids: innerPath,
});

/** `bundle.json`: what a model bundle is and how to call it. Schema `conclave.bundle/v1`. */
export const bundleManifest = z.strictObject({
  schema: z.literal('conclave.bundle/v1'),
  model: modelName,
  version: versionName,
  description: z.string().max(2000).default(''),
  task: z.literal('retrieval'),
  embedding: z.strictObject({ dimensions: z.number().int().min(1).max(16_384) }),
  query: z.discriminatedUnion('kind', [textQuery, vectorQuery]),
  documents: z.discriminatedUnion('kind', [pictureDocuments, embeddedDocuments]),
});
export type BundleManifest = z.infer<typeof bundleManifest>;

/** `dataset.json` of a retrieval dataset in BEIR form. Schema `conclave.dataset/v1`. */
export const datasetManifest = z.strictObject({
  schema: z.literal('conclave.dataset/v1'),
  name: modelName,
  description: z.string().max(2000).default(''),
  split: splitName,
  license: z.string().max(2000).default(''),
});
export type DatasetManifest = z.infer<typeof datasetManifest>;

/** A line of `corpus.jsonl` (BEIR; `picture` is Conclave's documented extension). */
export const corpusLine = z.object({
  _id: z.string().min(1).max(500),
  title: z.string().default(''),
  text: z.string().default(''),
  picture: innerPath.optional(),
});
export type CorpusLine = z.infer<typeof corpusLine>;

/** A line of `queries.jsonl` (BEIR; `vector` is Conclave's documented extension for models that take features). */
export const queryLine = z.object({
  _id: z.string().min(1).max(500),
  text: z.string().default(''),
  vector: z.array(z.number()).optional(),
});
export type QueryLine = z.infer<typeof queryLine>;
