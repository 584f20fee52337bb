import { type BundleManifest, ConclaveError, type InferInput } from '@conclave/contracts';
import { hashedNgrams } from './hashed-ngrams.ts';
import { type OnnxModel, openOnnx, type Provider } from './onnx-model.ts';

/** A query as it arrives: words, or the feature vector of a `vector` bundle. */
export type Query = string | readonly number[];

/** Says in which form a bundle takes its queries. */
export type QueryForm = { readonly kind: 'text' } | { readonly kind: 'vector'; readonly features: number };

/** Turns queries into vectors of the bundle's dimensions. */
export interface QueryEncoder {
  readonly form: QueryForm;
  /** @returns float32, row-major [queries.length, dimensions] @throws CVE_INFER_INVALID for another form, CVE_INFER_FAILED */
  encode(queries: readonly Query[]): Promise<Float32Array>;
  release(): Promise<void>;
}

/** @throws CVE_BUNDLE_ONNX_INVALID */
export async function openQueryEncoder(
  dir: string,
  manifest: BundleManifest,
  provider: Provider,
): Promise<QueryEncoder> {
  const { query, embedding } = manifest;
  const width = query.kind === 'text' ? query.tokenizer.maxTokens : query.features;
  const contract = {
    file: query.onnx,
    input: query.input,
    inputType: query.kind === 'text' ? ('int64' as const) : ('float32' as const),
    inputShape: [width],
    output: query.output,
    dimensions: embedding.dimensions,
  };
  const model: OnnxModel = await openOnnx(dir, contract, provider);
  const form = queryFormOf(manifest);
  return {
    form,
    encode: async (queries) => {
      for (const one of queries) checkQuery(one, form);
      const data = query.kind === 'text' ? tokens(queries, query.tokenizer) : features(queries);
      return await model.run(data, queries.length);
    },
    release: () => model.release(),
  };
}

/** The form of queries a bundle takes. */
export function queryFormOf({ query }: BundleManifest): QueryForm {
  return query.kind === 'text' ? { kind: 'text' } : { kind: 'vector', features: query.features };
}

/** What a form is called in the Open Inference Protocol. */
export function inputOf(form: QueryForm): InferInput {
  return form.kind === 'text' ? { datatype: 'BYTES', shape: [-1] } : { datatype: 'FP32', shape: [-1, form.features] };
}

/** @throws CVE_INFER_INVALID when a query does not have the form that the version takes */
export function checkQuery(query: Query, form: QueryForm): void {
  if (form.kind === 'text') {
    if (typeof query !== 'string') invalid('takes text: send input query as BYTES [n]');
  } else if (typeof query === 'string' || query.length !== form.features) {
    const found = typeof query === 'string' ? 'text' : `${query.length} numbers`;
    invalid(`takes vectors of ${form.features} numbers, got ${found}: send input query as FP32 [n, ${form.features}]`);
  } else if (!query.every((value) => Number.isFinite(Math.fround(value)))) {
    invalid('takes only numbers that are finite as float32');
  }
}

function invalid(problem: string): never {
  throw new ConclaveError('CVE_INFER_INVALID', `this model ${problem}`);
}

function tokens(queries: readonly Query[], tokenizer: Parameters<typeof hashedNgrams>[1]): BigInt64Array {
  const data = new BigInt64Array(queries.length * tokenizer.maxTokens);
  for (const [row, text] of queries.entries()) {
    if (typeof text !== 'string') continue;
    for (const [i, id] of hashedNgrams(text, tokenizer).entries()) data[row * tokenizer.maxTokens + i] = BigInt(id);
  }
  return data;
}

function features(queries: readonly Query[]): Float32Array {
  return Float32Array.from(queries.flatMap((query) => (typeof query === 'string' ? [] : [...query])));
}
