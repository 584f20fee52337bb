import { fetchQueries } from '@conclave/bundles';
import { type Bus, openArtifacts } from '@conclave/bus';
import {
  ConclaveError,
  type InferRequest,
  type InferResponse,
  inferResponse,
  isConclaveError,
  type QueryLine,
  type RunnerStatus,
  subjects,
  zodMessage,
} from '@conclave/contracts';
import { oneLine, queryInput, queryInputOf } from '@conclave/core';
import type { Command } from 'commander';
import { z } from 'zod';
import { inputTaken, readyRunners, type ServedModel, servingOnRecord, untilReady } from '../load/served-model.ts';
import { bold, columns, dim } from '../output/text.ts';
import { readRunners, readWorld } from '../read-world.ts';
import type { Session, WithSession } from '../session.ts';

const INFER_MS = 10_000;
const READY_MS = 15_000;
const NAMED_QUERIES = 5;
const vector = z.array(z.number()).min(1);

interface Options {
  readonly queryId?: string;
  readonly vector?: string;
  readonly client?: string;
  readonly k: string;
  readonly curl?: boolean;
}

/** What is asked, and how to call it. */
interface Question {
  readonly input: InferRequest['inputs'][number];
  readonly shown: string;
}

export function addInfer(program: Command, withSession: WithSession): void {
  program
    .command('infer')
    .argument('<model>')
    .argument('[text...]', "the query of a model that takes text; without it a query of the model's dataset")
    .option('--query-id <id>', 'this query of the dataset')
    .option('--vector <json>', 'the query of a model that takes vectors, such as [0.1,0.2]')
    .option('--client <key>', 'requests with one key stay on one version')
    .option('--k <count>', 'how many documents', '5')
    .option('--curl', 'only show the curl command that asks the same')
    .description('ask a served model')
    .action(async (model: string, text: string[], options: Options) => {
      const k = wholeNumber('--k', options.k);
      await withSession(async (session) => {
        const { bus, answer } = session;
        const onRecord = servingOnRecord(await readWorld(bus), model);
        const runners = await untilReady(
          () => readRunners(bus),
          onRecord,
          READY_MS,
          () => {},
        );
        const served = { ...onRecord, input: inputTaken(runners, model, onRecord.version) };
        const { input, shown } = await questionOf(session, served, text.join(' '), options);
        const client = options.client === undefined ? {} : { client_key: options.client };
        const body: InferRequest = { inputs: [input], parameters: { k, ...client } };
        if (options.curl === true) {
          const curl = curlOf(runners, served, body, session.httpToken !== undefined);
          return answer({ model, curl }, curl);
        }
        const started = performance.now();
        const answered = await ask(bus, model, body);
        const elapsedMs = performance.now() - started;
        answer({ ...answered, elapsedMs }, answerText(model, shown, answered, elapsedMs));
      });
    });
}

/** What the user gave, else a query of the dataset. @throws CVE_REQUEST_INVALID when the model takes another form */
async function questionOf(session: Session, served: ServedModel, text: string, options: Options): Promise<Question> {
  const { model, version, input } = served;
  if (text !== '' && input?.datatype === 'FP32')
    throw wrongForm(`${model} ${version} takes vectors of ${input.shape[1]} numbers, not text`);
  if (text !== '') return { input: queryInput(text), shown: `"${text}"` };
  if (options.vector !== undefined) return vectorQuestion(served, options.vector);
  const queries = await fetchQueries(openArtifacts(session.bus), served.dataset, session.cacheDir);
  const query = queryOf(queries, options.queryId);
  const words = query.text === '' ? '' : ` "${query.text}"`;
  return { input: queryInputOf(query, input), shown: `query ${query._id}${words}` };
}

function vectorQuestion({ model, version, input }: ServedModel, given: string): Question {
  const numbers = readVector(given);
  if (input?.datatype === 'BYTES') throw wrongForm(`${model} ${version} takes text, not a vector`);
  if (input !== undefined && numbers.length !== input.shape[1])
    throw wrongForm(`${model} ${version} takes vectors of ${input.shape[1]} numbers, --vector has ${numbers.length}`);
  return { input: queryInput(numbers), shown: `a vector of ${numbers.length} numbers` };
}

function wrongForm(problem: string): ConclaveError {
  return new ConclaveError(
    'CVE_REQUEST_INVALID',
    `${problem}; leave it out, and a query of its dataset is asked, or name one with --query-id`,
  );
}

function readVector(given: string): number[] {
  try {
    return vector.parse(JSON.parse(given));
  } catch {
    throw new ConclaveError(
      'CVE_REQUEST_INVALID',
      `--vector is "${given.slice(0, 40)}"; give a JSON array of numbers, such as [0.1,0.2]`,
    );
  }
}

function queryOf(queries: readonly QueryLine[], id: string | undefined): QueryLine {
  const found = id === undefined ? queries[0] : queries.find((query) => query._id === id);
  if (found !== undefined) return found;
  const some = queries.slice(0, NAMED_QUERIES).map((query) => query._id);
  throw new ConclaveError(
    'CVE_REQUEST_INVALID',
    `the dataset has no query ${id}; it has ${queries.length}, such as ${some.join(', ')}`,
  );
}

async function ask(bus: Bus, model: string, body: InferRequest): Promise<InferResponse> {
  const reply = await bus.request(subjects.infer(model), body, { timeoutMs: INFER_MS }).catch((error: unknown) => {
    if (!isConclaveError(error, 'CVE_REQUEST_UNANSWERED')) throw error;
    throw new ConclaveError('CVE_INFER_NOT_READY', `no runner answered for ${model}; see conclave status`);
  });
  const parsed = inferResponse.safeParse(reply.json());
  if (parsed.success) return parsed.data;
  throw new ConclaveError(
    'CVE_INFER_FAILED',
    `${model} answered what is no inference response: ${zodMessage(parsed.error)}; see the log of the gpu-runner`,
  );
}

function answerText(model: string, shown: string, answer: InferResponse, elapsedMs: number): string {
  const [ids, scores] = answer.outputs;
  const rows = ids.data.map((id, index) => [
    String(index + 1).padStart(2),
    oneLine(id),
    dim((scores.data[index] ?? 0).toFixed(4)),
  ]);
  const head = `${bold(`${model} ${answer.model_version}`)} ${dim(`answered ${oneLine(shown)} in ${elapsedMs.toFixed(1)} ms`)}`;
  return `${head}\n${columns(rows, '  ')}`;
}

/** The same request for a shell; who has set a token names it by its variable. */
function curlOf(
  runners: readonly RunnerStatus[],
  { model, version }: ServedModel,
  body: InferRequest,
  hasToken: boolean,
): string {
  const runner = readyRunners(runners, model, version).find(({ url }) => url !== '');
  if (runner === undefined)
    throw new ConclaveError('CVE_INFER_NOT_READY', `no runner that serves ${model} tells its HTTP address`);
  const token = hasToken ? ' -H "authorization: Bearer $CONCLAVE_HTTP_TOKEN"' : '';
  const key = body.parameters?.client_key === undefined ? " -H 'x-client-key: me'" : '';
  const data = JSON.stringify(body).replaceAll("'", "'\\''");
  return `curl -s ${runner.url}/v2/models/${model}/infer -H 'content-type: application/json'${key}${token} -d '${data}'`;
}

function wholeNumber(option: string, value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 1 && number <= 1000) return number;
  throw new ConclaveError('CVE_REQUEST_INVALID', `${option} is "${value}"; give a whole number from 1 to 1000`);
}
