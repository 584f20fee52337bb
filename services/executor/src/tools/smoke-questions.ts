import type { Digest, InferInput, InferRequest, QueryLine, RunnerStatus } from '@conclave/contracts';
import { queryInput, queryInputOf } from '@conclave/core';

/** How many of the dataset's queries are asked, from all over it. */
const OWN_QUERIES = 5;

/** A query for people, and as the runner is asked. */
export interface Question {
  readonly shown: string;
  readonly input: InferRequest['inputs'][number];
}

/** The texts given where the version takes text, else queries of its dataset in the form that it takes. */
export async function questionsOf(
  queriesOf: (dataset: Digest) => Promise<readonly QueryLine[]>,
  form: InferInput | undefined,
  given: readonly string[] | undefined,
  dataset: Digest | undefined,
): Promise<Question[]> {
  if (given !== undefined && form?.datatype !== 'FP32')
    return given.map((text) => ({ shown: text, input: queryInput(text) }));
  if (dataset === undefined) return [];
  const lines = await queriesOf(dataset);
  const step = Math.max(1, Math.floor(lines.length / OWN_QUERIES));
  return lines
    .filter((_, index) => index % step === 0)
    .slice(0, OWN_QUERIES)
    .map((line) => ({ shown: line.text === '' ? line._id : line.text, input: queryInputOf(line, form) }));
}

/** The input that a version takes, as the runner that has it loaded says. */
export function inputOn(runner: RunnerStatus, model: string, version: string): InferInput | undefined {
  const served = runner.models.find((one) => one.model === model);
  return served?.versions.find((one) => one.version === version)?.input;
}
