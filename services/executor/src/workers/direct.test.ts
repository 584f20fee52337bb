import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { conclaveConfig, type PlannedAction } from '@conclave/contracts';
import { initialAction } from '@conclave/core';
import { plannedAction } from '@conclave/histories';
import { performAction } from '../action/perform.ts';
import { type Bench, startBench } from '../testing/bench.ts';
import { appliedWorld } from '../testing/executor-world.ts';
import { type Performer, startPerformer } from '../testing/performer.ts';
import { standInRollbacks } from '../testing/rollbacks.ts';
import { startVendor, type Vendor } from '../testing/vendor.ts';
import { absentWorker } from './absent.ts';
import { chooseWorker, DIRECT } from './direct.ts';
import { assembleTeam } from './team.ts';

const CHAT = { adapter: 'openai', model: 'm' } as const;

const CASES: readonly (readonly [string, Partial<PlannedAction>, 'direct' | 'agent'])[] = [
  ['a tool with all it needs', { tool: 'deploy_model', args: { stage: 'shadow' } }, 'direct'],
  ['a tool that needs nothing', { tool: 'run_evaluation' }, 'direct'],
  ['a tool without what it needs', { tool: 'deploy_model', args: {} }, 'agent'],
  ['a tool with what it does not know', { tool: 'run_evaluation', args: { thoroughly: true } }, 'agent'],
  ['an argument left out as null', { tool: 'run_evaluation', args: { version: null } }, 'direct'],
  ['a version nobody has', { tool: 'deploy_model', args: { stage: 'shadow', version: '9' } }, 'agent'],
  [
    'a tool that is not the role’s',
    { tool: 'deploy_model', owner: 'latency_analyst', args: { stage: 'shadow' } },
    'agent',
  ],
  ['a text', { action: 'Evaluate V1.1' }, 'agent'],
  ['an order to roll back', { action: 'Roll back V1.1' }, 'direct'],
  ['an order on a condition', { action: 'Roll back V1.1 if P95 exceeds 50 ms' }, 'agent'],
  ['an order to somebody without the tool', { action: 'Roll back V1.1', owner: 'infra_guardian' }, 'agent'],
  ['a rollback without a reason', { tool: 'rollback_model', args: {} }, 'direct'],
];

describe('an action', () => {
  let bench: Bench;
  let performer: Performer;
  let vendor: Vendor;
  let count = 0;

  before(async () => {
    bench = await startBench();
    performer = await startPerformer(bench);
    vendor = await startVendor();
  });
  after(async () => {
    vendor.close();
    await performer[Symbol.asyncDispose]();
    await bench[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    vendor.prompts.length = 0;
    vendor.answers.length = 0;
    vendor.isDown = false;
    bench.refuse = undefined;
  });

  async function performed(change: Partial<PlannedAction>, agent: object = { baseUrl: vendor.baseUrl }) {
    const action = plannedAction({ ...change, actionId: `plan:direct-${++count}` });
    const { executiveTeam } = conclaveConfig.parse({
      executiveTeam: { ...conclaveConfig.parse({}).executiveTeam, [action.owner]: { ...CHAT, ...agent } },
    });
    const workerFor = assembleTeam(executiveTeam, performer.deps.tools, {});
    const delivery = { messageSeq: 1, redelivered: false, signal: new AbortController().signal };
    await performAction({ ...performer.deps, workerFor }, { action, attempt: 1 }, delivery);
    const run = await bench.runOf(action.actionId);
    return { run, told: `${run.completed?.outcome}: ${run.completed?.summary}`, asked: vendor.prompts.length };
  }

  const deploy = { tool: 'deploy_model', args: { version: '1.1', stage: 'shadow' } } as const;

  test('an action whose tool and arguments are complete asks no model, and says that none spoke', async () => {
    const { run, told, asked } = await performed({ ...deploy, successCriteria: 'Model deployed, no errors' });
    assert.equal(told, 'succeeded: entered shadow');
    assert.deepEqual([run.speaker, asked, run.calls.length], [DIRECT, 0, 1]);
    assert.deepEqual(run.calls[0]?.args, { model: 'emoji-search', version: '1.1', stage: 'shadow' });
  });

  for (const [who, agent] of [
    ['whose vendor is down', {}],
    ['that has no key', { apiKeyEnv: 'SOME_KEY' }],
  ] as const) {
    test(`nor does one of an agent ${who}`, async () => {
      vendor.isDown = true;
      const { told, asked } = await performed(deploy, { baseUrl: vendor.baseUrl, ...agent });
      assert.deepEqual([told, asked], ['succeeded: entered shadow', 0]);
    });
  }

  test('a direct call that failed is not followed by a model, which could not change the outcome', async () => {
    bench.refuse = { outcome: 'not_eligible', stage: null, stageEpoch: 0, missing: ['soak 40 s more'] };
    const { told, asked } = await performed(deploy);
    assert.deepEqual([told, asked], ['blocked: not eligible yet: soak 40 s more', 0]);
  });

  test('incomplete arguments are for the agent to complete', async () => {
    vendor.answers.push({ calls: [{ ...deploy, reason: 'the plan says shadow' }] }, { done: { summary: 'entered' } });
    const { run, told, asked } = await performed({ tool: 'deploy_model', args: { version: '1.1' } });
    assert.deepEqual([told, asked, run.speaker], ['succeeded: entered', 2, CHAT]);
  });

  test('and without an agent the reason says what was incomplete', async () => {
    const { told } = await performed({ tool: 'deploy_model', args: { version: '1.1' } }, { apiKeyEnv: 'SOME_KEY' });
    assert.match(told, /^failed: CVE_TOOL_INVALID_ARGS: deploy_model: .*stage.*; ops_commander is absent: .*SOME_KEY/);
  });

  test('a text without a tool is the agent’s', async () => {
    vendor.answers.push({ calls: [{ ...deploy, reason: 'asked' }] }, { done: { summary: 'it stands' } });
    const { told, asked } = await performed({ action: 'Bring V1.1 to shadow, carefully' });
    assert.deepEqual([told, asked], ['succeeded: it stands', 2]);
  });

  describe('who carries an action out', () => {
    for (const [name, change, who] of CASES) {
      test(`${name}: ${who}`, () => {
        const action = plannedAction(change);
        const run = initialAction(action.actionId);
        const agentFor = () => absentWorker({ adapter: 'google', model: 'agent' }, 'away');
        const { tools } = performer.deps;
        const { speaker } = chooseWorker({ action, run, world: appliedWorld, tools, agentFor });
        assert.equal(speaker.model, who);
      });
    }
  });

  test('a rollback in the words of the guide works with the vendor down, and is made once', async () => {
    await using rollbacks = await standInRollbacks(bench);
    vendor.isDown = true;
    const first = await performed({ action: 'Roll back V1.1 to V1.0', owner: 'rollback_officer' });
    assert.deepEqual([first.told, first.asked], ['succeeded: rolled back: 1.0 serves', 0]);
    assert.equal(first.run.calls[0]?.args.reason, 'Roll back V1.1 to V1.0');
    const second = await performed({ tool: 'rollback_model', owner: 'rollback_officer' });
    assert.equal(second.told, 'succeeded: nothing to roll back: 1.0 serves');
    assert.deepEqual(rollbacks.ended.length, 1);
  });
});
