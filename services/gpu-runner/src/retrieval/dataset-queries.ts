import type { Dataset } from '@conclave/bundles';
import { ConclaveError, type QueryLine } from '@conclave/contracts';
import type { Query, QueryForm } from './query-encoder.ts';

/**
 * A dataset's queries in the form a bundle takes them.
 * @throws CVE_DATASET_INVALID when one lacks the text or the vector of the right length
 */
export function queriesFor(form: QueryForm, dataset: Dataset, limit = dataset.queries.length): Query[] {
  return dataset.queries.slice(0, limit).map((line) => queryFor(form, line));
}

function queryFor(form: QueryForm, { _id, text, vector }: QueryLine): Query {
  if (form.kind === 'text') return text !== '' ? text : lacks(_id, 'text');
  return vector?.length === form.features ? vector : lacks(_id, `a vector of ${form.features} numbers`);
}

function lacks(id: string, what: string): never {
  throw new ConclaveError(
    'CVE_DATASET_INVALID',
    `queries.jsonl: query ${id} lacks ${what}, which the model takes; add it`,
  );
}
