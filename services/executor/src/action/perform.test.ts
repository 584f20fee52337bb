import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { aggregates, isConclaveError, type PlannedAction } from '@conclave/contracts';
import { plannedAction } from '@conclave/histories';
import { fakeClock } from '@conclave/service';
import { type Bench, startBench } from '../testing/bench.ts';
import { type Performer, startPerformer } from '../testing/performer.ts';
import { absentWorker } from '../workers/absent.ts';
import type { PlannedCall, Worker } from '../workers/worker.ts';
import { giveActionUp } from './give-up.ts';
import { performAction } from './perform.ts';

const RUNNING = new AbortController().signal;
const now = (): Date => new Date();

let bench: Bench;
let performer: Performer;
let count = 0;

before(async () => {
  bench = await startBench();
  performer = await startPerformer(bench);
});
after(async () => {
  await performer[Symbol.asyncDispose]();
  await bench[Symbol.asyncDispose]();
});
beforeEach(() => {
  bench.refuse = undefined;
  bench.asked.length = 0;
  bench.entered.length = 0;
});

function fresh(change: Partial<PlannedAction> = {}): PlannedAction {
  count++;
  return plannedAction({ ...change, actionId: `plan:${count}` });
}

const delivered = new Set<string>();

async function perform(action: PlannedAction, by = performer, messageSeq = 1): Promise<void> {
  const message = `${action.actionId}#${messageSeq}`;
  const redelivered = delivered.has(message);
  delivered.add(message);
  await performAction(by.deps, { action, attempt: 1 }, { messageSeq, redelivered, signal: RUNNING });
}

async function outcomeOf(action: PlannedAction): Promise<[string | undefined, string | undefined]> {
  const { completed } = await bench.runOf(action.actionId);
  return [completed?.outcome, completed?.summary];
}

/** An agent that asks for these calls whatever happens. */
function willing(...calls: readonly Omit<PlannedCall, 'reason'>[]): Worker {
  return {
    speaker: { adapter: 'rules', model: 'scripted' },
    async next({ run }) {
      const call = calls[run.calls.length];
      return call === undefined ? { kind: 'done', summary: 'done' } : { kind: 'call', call: { ...call, reason: '' } };
    },
  };
}

describe('an action', () => {
  test('is recorded step by step', async () => {
    const action = fresh({ successCriteria: 'Model deployed, no errors, stage == shadow, nicely' });
    await perform(action);
    const commits = await bench.journal.read(aggregates.action(action.actionId));
    assert.deepEqual(
      commits.flatMap(({ events }) => events.map(({ type }) => type)),
      ['action.started', 'action.tool_called', 'action.tool_returned', 'action.completed'],
    );
    const { completed, worker, speaker } = await bench.runOf(action.actionId);
    assert.deepEqual([completed?.outcome, worker, speaker?.adapter], ['succeeded', 'executor-0', 'rules']);
    assert.deepEqual(
      completed?.criteria.map(({ verdict }) => verdict),
      ['met', 'met', 'met', 'unjudged'],
    );
  });

  test('that succeeds names the criteria that nobody could judge', async () => {
    const action = fresh({ successCriteria: 'Model deployed, everybody is happy' });
    await perform(action);
    assert.deepEqual(await outcomeOf(action), [
      'succeeded',
      'entered shadow; 1 criterion could not be judged: "everybody is happy" (this is no comparison or statement that can be judged by code)',
    ]);
  });

  test('whose stage is not earned is blocked, with what is missing', async () => {
    bench.refuse = {
      outcome: 'not_eligible',
      stage: null,
      stageEpoch: 0,
      missing: ['soak 40 s more', 'ndcg@10 is pending'],
    };
    const action = fresh();
    await perform(action);
    assert.deepEqual(await outcomeOf(action), ['blocked', 'not eligible yet: soak 40 s more; ndcg@10 is pending']);
  });

  test('with a criterion that is not met has failed', async () => {
    const action = fresh({ successCriteria: 'stage == 5_percent' });
    await perform(action);
    assert.equal((await outcomeOf(action))[0], 'failed');
  });

  test('that nobody understands has failed, with what can be done', async () => {
    const action = fresh({ action: 'Improve morale' });
    await perform(action);
    assert.match(String(await outcomeOf(action)), /failed,.*no LLM.*understands/);
  });

  test('with arguments that make no sense has failed, naming the choices', async () => {
    const action = fresh({ action: 'Deploy V9.9 to shadow' });
    await perform(action);
    assert.match(String(await outcomeOf(action)), /failed,.*has no version 9\.9; choose 1\.0, 1\.1/);
    assert.deepEqual(bench.asked, []);
  });

  test('of an absent agent has failed with that reason', async () => {
    const workerFor = () => absentWorker({ adapter: 'anthropic', model: 'x' }, 'ANTHROPIC_API_KEY is not set');
    await using absent = await startPerformer(bench, { workerFor });
    const action = fresh();
    await perform(action, absent);
    assert.deepEqual(await outcomeOf(action), ['failed', 'ANTHROPIC_API_KEY is not set']);
  });
});

describe("an agent's calls", () => {
  test("outside its role's tools have no effect", async () => {
    const workerFor = () => willing({ tool: 'deploy_model', args: { version: '1.1', stage: 'shadow' } });
    await using rogue = await startPerformer(bench, { workerFor });
    const action = fresh({ owner: 'latency_analyst' });
    await perform(action, rogue);
    assert.match(String(await outcomeOf(action)), /failed,.*latency_analyst may not use deploy_model/);
    assert.deepEqual(bench.asked, []);
  });

  test('that were refused for their arguments and then corrected do not count against it', async () => {
    const workerFor = () =>
      willing(
        { tool: 'deploy_model', args: { version: '1.1', stage: 'moon' } },
        { tool: 'deploy_model', args: { version: '1.1', stage: 'shadow' } },
      );
    await using learning = await startPerformer(bench, { workerFor });
    const action = fresh();
    await perform(action, learning);
    assert.equal((await outcomeOf(action))[0], 'succeeded');
  });
});

describe('what is too large for the journal is cut, and the action goes on', () => {
  const LARGE = 'x'.repeat(2_000_000);
  const small = { version: '1.1', stage: 'shadow' };
  const cases: readonly (readonly [string, Worker, RegExp])[] = [
    ['arguments', willing({ tool: 'deploy_model', args: { ...small, note: LARGE } }), /^failed/],
    [
      'arguments that the tool takes',
      willing({ tool: 'run_python_script', args: { script: 'a.py', args: Array(50).fill(LARGE.slice(0, 4000)) } }),
      /^failed: .*the arguments have \d+ bytes, at most 65536/,
    ],
    [
      'a reason',
      {
        ...willing(),
        next: async ({ run }) =>
          run.calls.length > 0
            ? { kind: 'done', summary: 'done' }
            : { kind: 'call', call: { tool: 'deploy_model', args: small, reason: LARGE } },
      },
      /^succeeded/,
    ],
    [
      'a summary',
      {
        ...willing(),
        next: async ({ run }) =>
          run.calls.length > 0
            ? { kind: 'done', summary: LARGE }
            : { kind: 'call', call: { tool: 'deploy_model', args: small, reason: '' } },
      },
      /^succeeded/,
    ],
    ['a refusal', { ...willing(), next: async () => ({ kind: 'refused', reason: LARGE }) }, /^failed/],
    ['an error of the agent', { ...willing(), next: () => Promise.reject(new Error(LARGE)) }, /^failed/],
  ];
  for (const [name, worker, told] of cases) {
    test(name, async () => {
      await using wordy = await startPerformer(bench, { workerFor: () => worker });
      const action = fresh();
      await perform(action, wordy);
      assert.match((await outcomeOf(action)).join(': '), told);
      const commits = await bench.journal.read(aggregates.action(action.actionId));
      for (const { events } of commits) assert.ok(JSON.stringify(events).length < 100_000, name);
    });
  }

  test('a result', async () => {
    const tools = new Map(performer.deps.tools);
    const tool = tools.get('deploy_model');
    assert.ok(tool);
    tools.set('deploy_model', { ...tool, run: async () => ({ ok: false, result: { LARGE }, error: LARGE }) });
    const action = fresh();
    await performAction(
      { ...performer.deps, tools },
      { action, attempt: 1 },
      { messageSeq: 1, redelivered: false, signal: RUNNING },
    );
    assert.match((await outcomeOf(action)).join(': '), /^failed: deploy_model failed: x+/);
  });
});

describe('an effect that nobody can tell about', () => {
  test('leaves the action uncertain: a script whose supervisor was killed', async () => {
    const code = 'import os, signal, time; os.kill(os.getppid(), signal.SIGKILL); time.sleep(300)';
    await writeFile(join(bench.dir, 'orphan.py'), code);
    const action = fresh({ tool: 'run_python_script', args: { script: 'orphan.py' } });
    await perform(action);
    assert.match(String(await outcomeOf(action)), /uncertain,.*orphan\.py was started, and nobody knows how it ended/);
  });
});

describe('two workers', () => {
  test('with one message have one effect between them', async () => {
    await using other = await startPerformer(bench, { instance: 'executor-1' });
    const action = fresh();
    await Promise.all([perform(action), perform(action, other)]);
    assert.equal((await outcomeOf(action))[0], 'succeeded');
    assert.deepEqual(bench.entered, [action.actionId]);
    const { calls } = await bench.runOf(action.actionId);
    assert.deepEqual(
      calls.map(({ callId }) => callId),
      [`${action.actionId}/1`],
    );
  });

  test('one frozen before its effect: the other finishes, and the first does nothing more', async () => {
    const frozen = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    const faultPoint = async (name: string): Promise<void> => {
      if (name !== 'action.after_started') return;
      reached.resolve();
      await frozen.promise;
    };
    await using slow = await startPerformer(bench, { instance: 'executor-1', faultPoint });
    const action = fresh();
    const first = perform(action, slow);
    await reached.promise;
    await perform(action);
    frozen.resolve();
    await first;
    assert.deepEqual(bench.asked, [action.actionId]);
    assert.equal((await bench.runOf(action.actionId)).worker, 'executor-0');
  });
});

describe('a message', () => {
  test('for a completed action changes nothing', async () => {
    const action = fresh();
    await perform(action);
    const { seq } = await bench.runOf(action.actionId);
    await perform(action);
    await perform(action, performer, 2);
    assert.equal((await bench.runOf(action.actionId)).seq, seq);
  });

  test('for an action that another message started changes nothing', async () => {
    const stop = new AbortController();
    const faultPoint = async (name: string): Promise<void> => {
      if (name === 'action.after_started') stop.abort();
    };
    await using stopping = await startPerformer(bench, { faultPoint });
    const action = fresh();
    const delivery = { messageSeq: 7, redelivered: false, signal: stop.signal };
    delivered.add(`${action.actionId}#7`);
    const handedBack = performAction(stopping.deps, { action, attempt: 1 }, delivery);
    await assert.rejects(handedBack, (error) => isConclaveError(error, 'CVE_CANCELLED'));
    await perform(action, performer, 8);
    assert.equal((await bench.runOf(action.actionId)).completed, undefined);
    await perform(action, performer, 7);
    assert.equal((await outcomeOf(action))[0], 'succeeded');
  });
});

describe('an action out of time', () => {
  /** Performs an action whose time is up when its first call is under way, neither earlier nor later. */
  async function performCutOff(action: PlannedAction): Promise<void> {
    const actionTimeoutMs = 3_600_000;
    const clock = fakeClock(new Date().toISOString());
    const faultPoint = async (name: string): Promise<void> => {
      if (name === 'action.before_effect') setImmediate(() => clock.advance(actionTimeoutMs));
    };
    await using hurried = await startPerformer(bench, { actionTimeoutMs, clock, faultPoint });
    await perform(action, hurried);
  }

  test('is uncertain when what it cut off may have taken effect', async () => {
    const action = fresh({ action: 'Roll back V1.1' });
    await performCutOff(action);
    assert.match(String(await outcomeOf(action)), /uncertain,.*rollback_model was cut off/);
  });

  test('has failed when what it cut off changes nothing', async () => {
    const action = fresh({ action: 'Evaluate V1.1' });
    await performCutOff(action);
    assert.match(String(await outcomeOf(action)), /failed,.*run_evaluation was cut off/);
  });
});

describe('an action given up', () => {
  const reason = new Error('delivered too often');

  test('has failed when no call is open', async () => {
    const action = fresh();
    await giveActionUp(performer.deps.journal, action, reason, now);
    assert.deepEqual(await outcomeOf(action), ['failed', 'given up: delivered too often']);
  });

  test('is uncertain when one is', async () => {
    const faultPoint = async (name: string): Promise<void> => {
      if (name === 'action.before_effect') throw new Error('crash');
    };
    await using crashing = await startPerformer(bench, { faultPoint });
    const action = fresh();
    await assert.rejects(perform(action, crashing), /crash/);
    await giveActionUp(performer.deps.journal, action, reason, now);
    assert.equal((await outcomeOf(action))[0], 'uncertain');
  });

  test('stays as it was completed', async () => {
    const action = fresh();
    await perform(action);
    await giveActionUp(performer.deps.journal, action, reason, now);
    assert.equal((await outcomeOf(action))[0], 'succeeded');
  });
});
