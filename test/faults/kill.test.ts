import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { assertJournalSound } from '../fixtures/journal-invariants.ts';
import { startSystem } from '../fixtures/system.ts';

test('kill -9 of every service and of nats-server in turn: the rollout completes, nothing is lost, nothing doubled', async (t) => {
  const { given, when, expect } = await startSystem(t);
  await given.adopted('1.0');
  when.traffic(60);
  await when.applied('1.0');
  await expect.stage('shadow');
  await when.killed('coordinator-0');
  await when.killed('planner-0');
  await expect.stage('5_percent');
  await when.killed('executor-0');
  await when.killed('gpu-runner-0');
  await expect.stage('20_percent');
  await when.natsKilled();
  await expect.stage('50_percent');
  await when.killed('metrics-0');
  const rollout = await expect.ended('1.0');
  assert.equal(rollout.phase, 'completed', rollout.ended?.reason);
  assertJournalSound(await expect.everyActionEnded(), { finished: true });
});

for (const [service, fault] of [
  ['coordinator', 'coordinator.after_schedule@4=kill'],
  ['coordinator', 'coordinator.after_intake=kill'],
  ['coordinator', 'coordinator.before_stage_entered=kill'],
  ['coordinator', 'coordinator.after_stage_entered=kill'],
  ['planner', 'meeting.after_turn@9=kill'],
  ['planner', 'meeting.after_close@2=kill'],
  ['executor', 'action.before_effect=kill'],
  ['executor', 'action.after_effect=kill'],
  ['executor', 'action.after_completed=kill'],
  ['gpu-runner', 'evaluation.before_result=kill'],
  ['gpu-runner', 'evaluation.after_result=kill'],
] as const) {
  test(`the ${service} dies at ${fault}: the rollout still completes, once`, async (t) => {
    await completesDespite(t, service, fault);
  });
}

/** A rollout in which the service kills itself once, exactly at the fault point. */
async function completesDespite(
  t: TestContext,
  service: 'coordinator' | 'planner' | 'executor' | 'gpu-runner',
  fault: string,
): Promise<void> {
  const marks = await mkdtemp(join(tmpdir(), 'conclave-faults-'));
  t.after(() => rm(marks, { recursive: true, force: true }));
  const env = { CONCLAVE_FAULT: fault, CONCLAVE_FAULT_ONCE_DIR: marks };
  const { given, when, expect } = await startSystem(t, { env: { [service]: env } });
  await given.adopted('1.0');
  when.traffic(60);
  await when.applied('1.0', { stages: [{ name: 'shadow' }, { name: 'production' }] });
  const rollout = await expect.ended('1.0');
  assert.equal(rollout.phase, 'completed', rollout.ended?.reason);
  assert.equal((await readdir(marks)).length, 1, `the ${service} did die at ${fault}`);
  assertJournalSound(await expect.everyActionEnded(), { finished: true });
}
