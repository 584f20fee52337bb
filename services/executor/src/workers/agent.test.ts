import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { after, before, test } from 'node:test';
import { conclaveConfig, type PlannedAction } from '@conclave/contracts';
import { performAction } from '../action/perform.ts';
import { type Bench, startBench } from '../testing/bench.ts';
import { startPerformer } from '../testing/performer.ts';
import { plannedAction } from '../testing/world.ts';
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
  const delivery = { messageSeq: 1, signal: new AbortController().signal };
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
