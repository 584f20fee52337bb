import { ConclaveError, type InferRequest, type InferResponse, inferRequest, zodMessage } from '@conclave/contracts';
import type { Query } from '../retrieval/query-encoder.ts';
import type { Routed, SearchRequest } from '../routing/router.ts';

const DEFAULT_K = 10;
/** Most queries in one request. */
const MAX_QUERIES = 256;

/** An inference request, understood. */
export interface ParsedInference extends SearchRequest {
  readonly id: string | undefined;
}

/**
 * Understands the body of an inference request.
 * @param clientKey from outside the body; the body's own comes first
 * @throws CVE_INFER_INVALID saying what is expected
 */
export function parseInference(body: unknown, clientKey: string | undefined): ParsedInference {
  const parsed = inferRequest.safeParse(body);
  if (!parsed.success) return invalid(zodMessage(parsed.error, body));
  const { id, inputs, parameters } = parsed.data;
  const [input] = inputs;
  if (input === undefined) return invalid('inputs: one input named query is expected');
  const queries = queriesOf(input);
  if (queries.length === 0) return invalid('inputs.0.shape: at least one query is expected');
  if (queries.length > MAX_QUERIES)
    return invalid(`inputs.0.shape: at most ${MAX_QUERIES} queries a request, got ${queries.length}`);
  return { id, queries, k: parameters?.k ?? DEFAULT_K, key: parameters?.client_key ?? clientKey };
}

/** The answer in the form of the Open Inference Protocol. */
export function inferenceResponse(model: string, id: string | undefined, { version, answers }: Routed): InferResponse {
  const shape: [number, number] = [answers.length, answers[0]?.length ?? 0];
  return {
    ...(id === undefined ? {} : { id }),
    model_name: model,
    model_version: version,
    outputs: [
      { name: 'ids', datatype: 'BYTES', shape, data: answers.flatMap((answer) => answer.map((one) => one.id)) },
      { name: 'scores', datatype: 'FP32', shape, data: answers.flatMap((answer) => answer.map((one) => one.score)) },
    ],
  };
}

type Input = InferRequest['inputs'][number];

function queriesOf({ datatype, shape, data }: Input): Query[] {
  return datatype === 'BYTES' ? textsOf(shape, data) : vectorsOf(shape, data);
}

function textsOf(shape: readonly number[], data: Input['data']): Query[] {
  const texts = data.filter((value) => typeof value === 'string');
  if (texts.length !== data.length) return invalid('inputs.0.data: texts are expected for BYTES');
  const [rows, columns = 1] = shape;
  if (rows !== texts.length || columns !== 1) return mismatch(shape, `${texts.length} texts, so [${texts.length}]`);
  return texts;
}

function vectorsOf(shape: readonly number[], data: Input['data']): Query[] {
  const [rows = 0, columns = 0] = shape;
  if (shape.length !== 2)
    return invalid(`inputs.0.shape: [n, features] is expected for FP32, got [${shape.join(', ')}]`);
  const values = data.flat().filter((value) => typeof value === 'number');
  const isWhole = values.length === rows * columns && values.length === data.flat().length;
  const isNested = data.some(Array.isArray);
  if (!isWhole || (isNested && !data.every((row) => Array.isArray(row) && row.length === columns))) {
    return mismatch(shape, `${values.length} numbers${isNested ? ` in ${data.length} rows` : ''}`);
  }
  return Array.from({ length: rows }, (_, row) => values.slice(row * columns, (row + 1) * columns));
}

function mismatch(shape: readonly number[], found: string): never {
  return invalid(`inputs.0.shape: is [${shape.join(', ')}], but data holds ${found}`);
}

function invalid(problem: string): never {
  throw new ConclaveError('CVE_INFER_INVALID', `${problem}; see the Open Inference Protocol v2 in docs/bundles.md`);
}
