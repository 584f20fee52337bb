import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { standStill, until } from '@conclave/bus/testing';
import { conclaveConfig, STREAMS } from '@conclave/contracts';
import { plannedAction } from '@conclave/histories';
import { startExecutor } from './executor.ts';
import { startBench } from './testing/bench.ts';
import { startPerformer } from './testing/performer.ts';
import { standInRollbacks } from './testing/rollbacks.ts';

const ACK_WAIT_MS = 500;

test('a script whose message comes again because the machine stood still ends as it ends', async () => {
  await using bench = await startBench();
  await using performer = await startPerformer(bench);
  const config = conclaveConfig.parse({ limits: { ackWaitMs: ACK_WAIT_MS } });
  const executor = startExecutor({ ...performer.deps, bus: bench.bus, journal: bench.journal, config });
  const redelivered = async (): Promise<boolean> => {
    const info = await bench.bus.request(`$JS.API.CONSUMER.INFO.${STREAMS.work}.executor`, undefined, {
      timeoutMs: 20_000,
    });
    return Object(info.json()).num_redelivered > 0;
  };

  const [started, goOn] = [join(bench.dir, 'started'), join(bench.dir, 'go-on')];
  const code = `import os, sys, time
open(sys.argv[1], "w")
while not os.path.exists(sys.argv[2]): time.sleep(0.05)`;
  await writeFile(join(bench.dir, 'patient.py'), code);
  const action = plannedAction({
    tool: 'run_python_script',
    args: { script: 'patient.py', args: [started, goOn] },
  });
  await bench.dispatch(action);
  await until(() => existsSync(started), 'the script runs');
  // Nobody tells the server that work is going on.
  standStill(3 * ACK_WAIT_MS);
  await until(redelivered, 'the message came again');
  await writeFile(goOn, '');
  const { completed } = await until(async () => {
    const run = await bench.runOf(action.actionId);
    return run.completed === undefined ? undefined : run;
  }, 'the action is completed');
  await executor.stop();
  assert.equal(completed?.outcome, 'succeeded', completed?.summary);
});

test('a rollback does not wait until an executor that is busy with evaluations has a hand free', async () => {
  await using bench = await startBench();
  await using rollbacks = await standInRollbacks(bench);
  await using performer = await startPerformer(bench);
  const config = conclaveConfig.parse({ executor: { concurrency: 3 } });
  const executor = startExecutor({ ...performer.deps, bus: bench.bus, journal: bench.journal, config });
  // Nobody evaluates here, so that these never end; the fourth waits in the queue before the rollback.
  const evaluations = [1, 2, 3, 4].map((n) =>
    plannedAction({ actionId: `plan:busy-${n}`, owner: 'latency_analyst', tool: 'run_evaluation' }),
  );
  for (const action of evaluations) await bench.dispatch(action);
  await until(() => executor.running === 3, 'every hand is busy');
  const rollback = plannedAction({ actionId: 'plan:back', owner: 'rollback_officer', tool: 'rollback_model' });
  await bench.dispatch(rollback);
  const { completed } = await until(async () => {
    const run = await bench.runOf(rollback.actionId);
    return run.completed === undefined ? undefined : run;
  }, 'the rollback is completed');
  assert.equal(completed?.summary, 'rolled back: 1.0 serves');
  assert.deepEqual(rollbacks.ended, [rollback.actionId]);
  for (const { actionId } of evaluations) assert.equal((await bench.runOf(actionId)).completed, undefined);
  await executor.stop({ graceMs: 0 });
});
