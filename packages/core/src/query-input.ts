import { ConclaveError, type InferInput, type InferRequest, type QueryLine } from '@conclave/contracts';

type QueryInput = InferRequest['inputs'][number];

/** One query as the input of an inference request. */
export function queryInput(query: string | readonly number[]): QueryInput {
  return typeof query === 'string'
    ? { name: 'query', datatype: 'BYTES', shape: [1], data: [query] }
    : { name: 'query', datatype: 'FP32', shape: [1, query.length], data: [...query] };
}

/**
 * A query of a dataset in the form that a version takes. Without a known form: its text, else its vector.
 * @throws CVE_DATASET_INVALID when the query lacks what the version takes
 */
export function queryInputOf({ _id, text, vector }: QueryLine, form: InferInput | undefined): QueryInput {
  if (form?.datatype === 'FP32') {
    const [, features] = form.shape;
    return vector?.length === features ? queryInput(vector) : lacks(_id, `a vector of ${features} numbers`);
  }
  if (text !== '') return queryInput(text);
  return form === undefined && vector !== undefined ? queryInput(vector) : lacks(_id, 'text');
}

function lacks(id: string, what: string): never {
  throw new ConclaveError(
    'CVE_DATASET_INVALID',
    `query ${id} of the dataset lacks ${what}, which the model takes; add it and push the dataset again`,
  );
}
