import { setTimeout as pause } from 'node:timers/promises';
import {
  ConclaveError,
  type Digest,
  digest,
  type InferRequest,
  inferResponse,
  messageOf,
  type QueryLine,
  type RunnerStatus,
  runnerStatus,
  subjects,
} from '@conclave/contracts';
import { openRollout, type World } from '@conclave/core';
import { z } from 'zod';
import type { Requester } from './ask-coordinator.ts';
import { inputOn, type Question, questionsOf } from './smoke-questions.ts';
import { resolveTarget, targetArgs } from './target.ts';
import { defineTool, type Tool } from './tool.ts';
import type { ToolKit } from './tool-kit.ts';

const READY_WAIT_MS = 60_000;
const QUERY_TIMEOUT_MS = 5000;
const POLL_MS = 250;

const args = z.strictObject({
  ...targetArgs,
  queries: z
    .array(z.string().min(1).max(500))
    .min(1)
    .max(50)
    .optional()
    .describe('Texts to ask; without them, and where the version takes vectors, queries of the dataset.'),
  dataset: digest
    .optional()
    .describe("The dataset whose queries are the version's own. Filled in from the world: leave it out."),
});
type Args = z.infer<typeof args>;

export interface SmokeDeps {
  /** Present members of the runners' bucket. */
  readonly members: () => Promise<ReadonlyMap<string, unknown>>;
  readonly bus: Requester;
  readonly fetch: typeof fetch;
  /** Bearer token for runners beyond loopback. */
  readonly httpToken: string | undefined;
  /** The queries of a stored dataset. */
  readonly queriesOf: (dataset: Digest) => Promise<readonly QueryLine[]>;
  readonly readyWaitMs?: number;
}

interface Answered {
  readonly query: string;
  readonly problem: string | undefined;
}

/** Asks one runner for exactly this version and looks at the shape of its answers. */
export function smokeTest(deps: SmokeDeps): Tool {
  return defineTool<Args>({
    name: 'smoke_test',
    description: "Sends a few of its dataset's queries to exactly one version and checks the shape of the answers.",
    args,
    idempotent: true,
    changes: false,
    complete: (given, world) => withDataset({ ...given, ...resolveTarget(world, given) }, world),
    async run({ model = '', version = '', queries, dataset }, { signal }) {
      const runner = await readyRunner(deps, model, version, signal);
      if (runner === undefined) {
        const error = `no runner has ${model} ${version} ready`;
        return { ok: false, result: { model, version, queries: 0, errors: 1 }, error };
      }
      const form = inputOn(runner, model, version);
      const questions = await questionsOf(deps.queriesOf, form, queries, dataset);
      if (questions.length === 0) {
        const error = `no dataset is pinned for ${model} ${version}, so there is no query to ask; name some in queries`;
        return { ok: false, result: { model, version, queries: 0, errors: 1 }, error };
      }
      const answers: Answered[] = [];
      for (const { shown, input } of questions)
        answers.push({ query: shown, problem: await problemOf(deps, runner, model, version, input) });
      const problems = answers.filter(({ problem }) => problem !== undefined);
      const result = {
        model,
        version,
        runner: runner.runner,
        queries: questions.length,
        errors: problems.length,
        problems,
      };
      if (problems.length === 0) return { ok: true, result };
      return { ok: false, result, error: problems.map(({ query, problem }) => `"${query}": ${problem}`).join('; ') };
    },
  });
}

/** The dataset that the version is rolled out with, or serves with. */
function withDataset(given: Args, world: World): Args {
  const state = given.model === undefined ? undefined : world.rollouts[given.model];
  const rollout = state === undefined ? undefined : openRollout(state);
  const isCandidate = rollout?.definition.version === given.version;
  const dataset = given.dataset ?? (isCandidate ? rollout?.definition.dataset : undefined) ?? state?.stable?.dataset;
  return dataset === undefined ? given : { ...given, dataset };
}

/** A runner that reports the version ready, waiting for one. */
async function readyRunner(
  deps: SmokeDeps,
  model: string,
  version: string,
  signal: AbortSignal,
): Promise<RunnerStatus | undefined> {
  const deadline = performance.now() + (deps.readyWaitMs ?? READY_WAIT_MS);
  const isReady = (status: RunnerStatus): boolean =>
    status.models.some(
      (m) => m.model === model && m.versions.some((v) => v.version === version && v.state === 'ready'),
    );
  for (;;) {
    const members = [...(await deps.members()).values()].map((value) => runnerStatus.safeParse(value).data);
    const ready = members.filter((status) => status !== undefined).find(isReady);
    if (ready !== undefined || performance.now() >= deadline) return ready;
    if (signal.aborted) throw new ConclaveError('CVE_CANCELLED', 'stopped while waiting for a runner');
    await pause(POLL_MS, undefined, { signal }).catch(() => {});
  }
}

/** What is wrong with the answer to one query; undefined when nothing is. */
async function problemOf(
  deps: SmokeDeps,
  runner: RunnerStatus,
  model: string,
  version: string,
  input: Question['input'],
): Promise<string | undefined> {
  const body: InferRequest = { inputs: [input] };
  try {
    const json =
      runner.url === '' ? await overNats(deps, model, body) : await overHttp(deps, runner.url, model, version, body);
    return problemOfAnswer(json, version);
  } catch (error) {
    return messageOf(error);
  }
}

async function overHttp(
  deps: SmokeDeps,
  url: string,
  model: string,
  version: string,
  body: InferRequest,
): Promise<unknown> {
  const path = `/v2/models/${encodeURIComponent(model)}/versions/${encodeURIComponent(version)}/infer`;
  const response = await deps.fetch(new URL(path, url), {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(deps.httpToken === undefined ? {} : { authorization: `Bearer ${deps.httpToken}` }),
    },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(QUERY_TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`HTTP ${response.status}: ${(await response.text()).slice(0, 200)}`);
  return await response.json();
}

/** Routed like a user's request: the answer may come from another version, which is then a problem. */
async function overNats({ bus }: SmokeDeps, model: string, body: InferRequest): Promise<unknown> {
  return (await bus.request(subjects.infer(model), body, { timeoutMs: QUERY_TIMEOUT_MS })).json();
}

function problemOfAnswer(json: unknown, version: string): string | undefined {
  const parsed = inferResponse.safeParse(json);
  if (!parsed.success) return 'the answer is no inference response';
  const [ids, scores] = parsed.data.outputs;
  if (parsed.data.model_version !== version) return `version ${parsed.data.model_version} answered`;
  if (ids.data.length === 0 || ids.data.some((id) => id === '')) return 'ids are missing';
  if (scores.data.length !== ids.data.length) return `${ids.data.length} ids but ${scores.data.length} scores`;
  if (!scores.data.every(Number.isFinite)) return 'a score is not finite';
  const isDescending = scores.data.every((score, i) => i === 0 || score <= (scores.data[i - 1] ?? score));
  return isDescending ? undefined : 'scores do not descend';
}

/** The tool of the real system. */
export const connect = (kit: ToolKit): Tool => smokeTest(kit);
