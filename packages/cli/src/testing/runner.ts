import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { type Bus, openArtifacts, openJournal, openMembership } from '@conclave/bus';
import {
  aggregates,
  type InferInput,
  type InferRequest,
  inferRequest,
  type RunnerStatus,
  sha256,
} from '@conclave/contracts';

/** A runner of a model that takes vectors of two numbers, over a dataset of three queries, each with text and vector. */
export interface StandInRunner extends AsyncDisposable {
  readonly url: string;
  readonly asked: readonly InferRequest['inputs'][number][];
  /** What it answers; default 200. */
  status: number;
}

const VECTORS: InferInput = { datatype: 'FP32', shape: [-1, 2] };
export const QUERIES = [
  { _id: 'q1', text: 'cat', vector: [1, 0] },
  { _id: 'q2', text: "dog's", vector: [0, 1] },
  { _id: 'q3', text: 'sun', vector: [1, 1] },
];

/** Adopts `model` 1.0, and has a stand-in report it and a candidate of a fifth. */
export async function startRunner(bus: Bus, model: string, input: InferInput = VECTORS): Promise<StandInRunner> {
  const folder = await mkdtemp(join(tmpdir(), 'conclave-dataset-'));
  await mkdir(join(folder, 'qrels'));
  await writeFile(join(folder, 'queries.jsonl'), QUERIES.map((line) => JSON.stringify(line)).join('\n'));
  const { digest: dataset } = await openArtifacts(bus).pushDirectory(folder, 'dataset');
  const adopted = { model, version: '1.0', digest: sha256('1.0'), dataset, by: 'ada' };
  const at = new Date().toISOString();
  const event = { id: `adopted-${model}`, type: 'rollout.adopted', at, data: adopted };
  await openJournal(bus, { by: 'test' }).append(aggregates.rollouts(model), 'any', [event]);

  const asked: InferRequest['inputs'][number][] = [];
  const server = createServer(async (request, response) => {
    asked.push(...inferRequest.parse(await json(request)).inputs);
    const version = asked.length % 5 === 0 ? '1.1' : '1.0';
    response.writeHead(runner.status, { 'x-conclave-version': version }).end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  const served = (version: string, share: number) =>
    ({ version, digest: sha256(version), state: 'ready', detail: '', share, mode: 'live', input }) as const;
  const put = (): Promise<void> => {
    const status: RunnerStatus = {
      ...{ runner: `runner-of-${model}`, roles: ['serve'], at: new Date().toISOString(), url },
      models: [{ model, rolloutSeq: 1, confirmed: true, versions: [served('1.0', 0.8), served('1.1', 0.2)] }],
    };
    return openMembership(bus).put(status.runner, status);
  };
  await put();
  const timer = setInterval(() => void put().catch(() => {}), 1000);
  const runner: StandInRunner = {
    url,
    asked,
    status: 200,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      server.closeAllConnections();
      server.close();
      await rm(folder, { recursive: true });
    },
  };
  return runner;
}
