import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hearRunners } from '@conclave/cli';
import { runnerPresence, stageRunners } from '@conclave/core';
import { assertJournalSound } from '../fixtures/journal-invariants.ts';
import { eventually, startSystem } from '../fixtures/system.ts';
import { TINY_MODEL } from '../fixtures/tiny-model.ts';

test('a runner that is killed costs nobody more than a second attempt, is seen to be away, and the rollout goes on', async (t) => {
  const { stack, bus, world, given, when, expect, commits } = await startSystem(t, { replicas: { 'gpu-runner': 2 } });
  const stateOf = async (runner: string): Promise<string | undefined> =>
    runnerPresence(await hearRunners(bus), stageRunners(world()), new Date()).find((one) => one.runner === runner)
      ?.state;
  await given.adopted('1.0');
  const load = when.traffic(100);
  await when.applied('1.0');
  const { runners } = await expect.stage('5_percent');
  assert.deepEqual(
    (await expect.holds('both serve', (now) => servingBoth(now.rollouts[TINY_MODEL]?.current?.runners))).length,
    2,
    `${runners}`,
  );

  // Frozen first, so that it is away for as long as it takes to see that.
  stack.supervisor.kill('gpu-runner-1', 'SIGSTOP');
  await eventually('it is away', async () => ((await stateOf('gpu-runner-1')) === 'away' ? true : undefined));
  const answered = load.counts.answered;
  await eventually('the other one answers', async () => (load.counts.answered > answered + 100 ? true : undefined));
  stack.supervisor.kill('gpu-runner-1', 'SIGKILL');
  await eventually('it is up again', async () => ((await stateOf('gpu-runner-1')) === 'up' ? true : undefined));

  const rollout = await expect.ended('1.0');
  assert.equal(rollout.phase, 'completed', rollout.ended?.reason);
  assert.ok(load.counts.retried > 0);
  assert.equal(load.counts.failed, 0, load.counts.lastFailure);
  assertJournalSound(await commits());
});

function servingBoth(runners: readonly string[] | undefined): readonly string[] | undefined {
  return runners?.length === 2 ? runners : undefined;
}
