import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { until } from '@conclave/bus/testing';
import type { ActionRun } from '@conclave/core';
import { plannedAction } from '@conclave/histories';
import { type Bench, startBench } from './testing/bench.ts';
import { startExecutorProcess } from './testing/executor-process.ts';
import { isAlive } from './testing/is-alive.ts';
import { standInRollbacks } from './testing/rollbacks.ts';

/*
 * A real executor process, killed by SIGKILL exactly at each of its fault points, and another one that takes over. The
 * server has the users and permissions of production.
 */

const FAULT_POINTS = [
  'action.after_started',
  'action.before_effect',
  'action.after_effect',
  'action.before_completed',
  'action.after_completed',
] as const;

/** A loaded machine takes long to start an executor. */
const PATIENCE_MS = 120_000;

async function completed(bench: Bench, actionId: string): Promise<ActionRun> {
  return await until(
    async () => {
      const run = await bench.runOf(actionId);
      return run.completed === undefined ? undefined : run;
    },
    `${actionId} is completed`,
    PATIENCE_MS,
  );
}

async function killedAt(fault: string, bench: Bench): Promise<void> {
  await using killed = await startExecutorProcess(bench, { fault: `${fault}=kill` });
  assert.equal(await killed.ended, 'SIGKILL', killed.log());
}

describe('a deployment, with the executor killed at', () => {
  for (const fault of FAULT_POINTS) {
    test(fault, async () => {
      await using bench = await startBench({ users: true });
      const action = plannedAction({ successCriteria: 'Model deployed, no errors' });
      await bench.dispatch(action);
      await killedAt(fault, bench);
      await using _second = await startExecutorProcess(bench, { name: 'executor-1' });
      const run = await completed(bench, action.actionId);
      assert.equal(run.completed?.outcome, 'succeeded', run.completed?.summary);
      assert.deepEqual(bench.entered, [action.actionId]);
      assert.deepEqual(
        run.calls.map(({ callId, returned }) => [callId, returned?.ok]),
        [['plan:1/1', true]],
      );
      assert.deepEqual(run.calls[0]?.args, { model: 'emoji-search', version: '1.1', stage: 'shadow' });
    });
  }
});

describe('a rollback, with the executor killed at', () => {
  for (const fault of FAULT_POINTS) {
    test(`${fault} ends the rollout once and is told as one that did`, async () => {
      await using bench = await startBench({ users: true });
      await using rollbacks = await standInRollbacks(bench);
      const action = plannedAction({ action: 'Roll back V1.1', owner: 'rollback_officer' });
      await bench.dispatch(action);
      await killedAt(fault, bench);
      await using _second = await startExecutorProcess(bench, { name: 'executor-1' });
      const run = await completed(bench, action.actionId);
      assert.deepEqual([run.completed?.outcome, run.completed?.summary], ['succeeded', 'rolled back: 1.0 serves']);
      assert.deepEqual([rollbacks.ended, run.calls.length], [[action.actionId], 1]);
    });
  }
});

describe('a script, with the executor killed at', () => {
  const outcomes = {
    'action.after_started': 'succeeded',
    'action.before_effect': 'succeeded',
    'action.after_effect': 'uncertain',
    'action.before_completed': 'succeeded',
    'action.after_completed': 'succeeded',
  } as const;
  for (const fault of FAULT_POINTS) {
    test(`${fault} is never run twice and ends ${outcomes[fault]}`, async () => {
      await using bench = await startBench({ users: true });
      const tally = await tallyScript(bench);
      const action = plannedAction({ tool: 'run_python_script', args: { script: 'tally.py', args: [tally] } });
      await bench.dispatch(action);
      await killedAt(fault, bench);
      await using _second = await startExecutorProcess(bench, { name: 'executor-1' });
      const run = await completed(bench, action.actionId);
      assert.equal(run.completed?.outcome, outcomes[fault], run.completed?.summary);
      assert.equal(await readFile(tally, 'utf8'), 'x');
    });
  }

  test('a moment when it runs is killed with it', async () => {
    await using bench = await startBench({ users: true });
    const pidFile = join(bench.dir, 'pid');
    await writeScript(
      bench,
      'sleep.py',
      'import os, sys, time\nopen(sys.argv[1], "a").write(f"{os.getpid()}\\n")\ntime.sleep(300)',
    );
    const action = plannedAction({ tool: 'run_python_script', args: { script: 'sleep.py', args: [pidFile] } });
    await bench.dispatch(action);
    const first = await startExecutorProcess(bench);
    const pid = await until(
      async () => Number(await readFile(pidFile, 'utf8').catch(() => '')) || undefined,
      'the script runs',
    );
    await first[Symbol.asyncDispose]();
    await until(() => !isAlive(pid), 'the script died with the executor');
    await using _second = await startExecutorProcess(bench, { name: 'executor-1' });
    assert.equal((await completed(bench, action.actionId)).completed?.outcome, 'uncertain');
    assert.equal(await readFile(pidFile, 'utf8'), `${pid}\n`);
  });
});

async function tallyScript(bench: Bench): Promise<string> {
  await writeScript(bench, 'tally.py', 'import sys; open(sys.argv[1], "a").write("x")');
  return join(bench.dir, 'tally');
}

async function writeScript(bench: Bench, name: string, code: string): Promise<void> {
  await mkdir(join(bench.dir, 'scripts'), { recursive: true });
  await writeFile(join(bench.dir, 'scripts', name), code);
}
