import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { after, before, test } from 'node:test';
import type { ChatModel } from '@conclave/agents';
import { ConclaveError, conclaveConfig, type PlannedAction } from '@conclave/contracts';
import { initialAction, initialWorld } from '@conclave/core';
import { plannedAction } from '@conclave/histories';
import { performAction } from '../action/perform.ts';
import { type Bench, startBench } from '../testing/bench.ts';
import { startPerformer } from '../testing/performer.ts';
import { agentWorker } from './agent.ts';
import { assembleTeam } from './team.ts';

/* A local server that speaks the wire format of OpenAI's chat completions to the real SDK. */

let bench: Bench;
let vendor: Server;
let baseUrl: string;
let answers: object[] = [];
let prompts: string[] = [];

before(async () => {
  bench = await startBench();
  vendor = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    prompts.push(body);
    const message = { role: 'assistant', content: JSON.stringify(answers.shift() ?? {}) };
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({
        ...{ id: 'x', object: 'chat.completion', created: 1, model: 'm' },
        choices: [{ index: 0, finish_reason: 'stop', message }],
        usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
      }),
    );
  });
  vendor.listen(0, '127.0.0.1');
  await once(vendor, 'listening');
  const address = vendor.address();
  assert.ok(address !== null && typeof address === 'object');
  baseUrl = `http://127.0.0.1:${address.port}/v1`;
});
after(async () => {
  vendor.close();
  await bench[Symbol.asyncDispose]();
});

async function performed(action: PlannedAction, said: object[], agent: object = { baseUrl }) {
  answers = said;
  prompts = [];
  const { executiveTeam } = conclaveConfig.parse({
    executiveTeam: {
      ...conclaveConfig.parse({}).executiveTeam,
      [action.owner]: { adapter: 'openai', model: 'm', ...agent },
    },
  });
  await using performer = await startPerformer(bench);
  const workerFor = assembleTeam(executiveTeam, performer.deps.tools, {});
  const delivery = { messageSeq: 1, redelivered: false, signal: new AbortController().signal };
  await performAction({ ...performer.deps, workerFor }, { action, attempt: 1 }, delivery);
  return await bench.runOf(action.actionId);
}

const deploy = { tool: 'deploy_model', args: { version: '1.1', stage: 'shadow' }, reason: 'asked for' };

test('an agent names calls, sees their results fenced, and ends', async () => {
  const action = plannedAction({ actionId: 'plan:llm', successCriteria: 'Model deployed' });
  const run = await performed(action, [{ calls: [deploy] }, { done: { summary: 'it stands in shadow' } }]);
  assert.deepEqual([run.completed?.outcome, run.completed?.summary], ['succeeded', 'it stands in shadow']);
  assert.deepEqual([run.speaker, run.calls.length], [{ adapter: 'openai', model: 'm' }, 1]);
  assert.match(prompts[1] ?? '', /<data-[0-9a-f]+ label=\\"result plan_llm_1/);
});

test("an agent's word does not make an action succeed", async () => {
  const action = plannedAction({ actionId: 'plan:claims' });
  const run = await performed(action, [{ done: { summary: 'all is well, trust me' } }]);
  assert.equal(run.completed?.outcome, 'failed');
});

test('an agent is offered only the tools of its role and cannot name another', async () => {
  const action = plannedAction({ actionId: 'plan:narrow', owner: 'latency_analyst' });
  const run = await performed(action, [{ calls: [deploy] }, { calls: [deploy] }]);
  assert.equal(run.completed?.outcome, 'failed');
  assert.deepEqual(run.calls, []);
  assert.doesNotMatch(prompts[0] ?? '', /- deploy_model/);
});

test('an agent that never ends is stopped', async () => {
  const action = plannedAction({ actionId: 'plan:endless' });
  const run = await performed(
    action,
    Array.from({ length: 10 }, () => ({ calls: [deploy] })),
  );
  assert.deepEqual([run.completed?.outcome, run.completed?.summary], ['failed', '6 rounds brought no end']);
  assert.deepEqual([prompts.length, bench.entered.filter((id) => id === action.actionId).length], [6, 1]);
});

test('an agent without a key is absent, and its action fails with the name of the variable', async () => {
  const action = plannedAction({ actionId: 'plan:absent' });
  const run = await performed(action, [], { apiKeyEnv: 'SOME_KEY' });
  assert.match(
    `${run.completed?.outcome}: ${run.completed?.summary}`,
    /^failed: ops_commander is absent: .*SOME_KEY is not set/,
  );
});

const gpt = { adapter: 'openai', model: 'gpt-6.1-sol' } as const;

/** One step of a worker whose model gives these answers or errors in order, and the pauses it made. */
async function stepOf(...said: (object | ConclaveError)[]) {
  const waits: number[] = [];
  let asked = 0;
  const model: ChatModel = {
    speaker: { adapter: 'anthropic', model: 'claude-opus-5-5' },
    complete: async () => {
      const answer = said[Math.min(asked++, said.length - 1)] ?? {};
      if (answer instanceof ConclaveError) throw answer;
      return { text: JSON.stringify(answer), usage: { inputTokens: 1, outputTokens: 1 }, speaker: gpt };
    },
  };
  const patience = { pause: async (ms: number) => void waits.push(ms), random: () => 1 };
  const worker = agentWorker({ model, tools: new Map(), prompt: undefined, maxOutputTokens: 500, patience });
  const action = plannedAction({ actionId: 'plan:step' });
  const input = {
    action,
    run: initialAction('plan:step'),
    world: initialWorld(),
    signal: new AbortController().signal,
  };
  const step = await worker.next(input).catch((error: unknown) => error);
  return { step, waits, asked };
}

test('the record names who asked for a call and who ended, where a substitute did', async () => {
  assert.deepEqual(Object((await stepOf({ calls: [deploy] })).step).call?.speaker, gpt);
  assert.deepEqual(Object((await stepOf({ done: { summary: 'done' } })).step).speaker, gpt);
});

test('a vendor that fails for a while is waited for, longer each time or as long as it says', async () => {
  const fails = (retryAfterMs?: number): ConclaveError =>
    new ConclaveError('CVE_CHAT_UNAVAILABLE', 'HTTP 529', retryAfterMs === undefined ? {} : { retryAfterMs });
  assert.deepEqual((await stepOf(fails())).waits, [2000, 4000]);
  assert.deepEqual((await stepOf(fails(9000), { calls: [deploy] })).waits, [9000]);
  const { waits, asked } = await stepOf(fails(120_000));
  assert.deepEqual([waits, asked], [[], 1], 'a wait that is too long for an action is not begun');
});

test('two megabytes in an answer are cut or refused, and never reach the record', async () => {
  const huge = 'x'.repeat(2 * 1024 * 1024);
  const { step } = await stepOf({ calls: [{ ...deploy, reason: huge }] });
  assert.ok(JSON.stringify(step).length < 2000);
  assert.ok(JSON.stringify((await stepOf({ done: { summary: huge } })).step).length < 4000);
  const refused = (await stepOf({ calls: [{ ...deploy, args: { huge } }] })).step;
  assert.ok(refused instanceof ConclaveError && refused.code === 'CVE_CHAT_OUTPUT_INVALID');
  assert.ok(refused.message.length < 2000);
});
