import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasLeader } from '@conclave/cli';
import { assertJournalSound } from '../fixtures/journal-invariants.ts';
import { eventually, startSystem } from '../fixtures/system.ts';

test('a leader that was frozen and wakes after its successor took over can change nothing', async (t) => {
  const { given, when, expect, commits, stack, world, bus } = await startSystem(t, {
    replicas: { coordinator: 2 },
  });
  await given.adopted('1.0');
  when.traffic(60);
  await when.applied('1.0');
  await expect.stage('shadow');

  const frozen = world().schedule.leader ?? assert.fail('nobody leads');
  const oldEpoch = world().schedule.leaderEpoch;
  stack.supervisor.kill(frozen, 'SIGSTOP');
  await expect.holds('a new leader', ({ schedule }) => (schedule.leaderEpoch > oldEpoch ? true : undefined));
  const successor = world().schedule.leader ?? assert.fail('nobody leads');
  assert.notEqual(successor, frozen);
  await expect.holds('the new epoch on the rollout', ({ rollouts }) =>
    (rollouts.tiny?.leaderEpoch ?? 0) > oldEpoch ? true : undefined,
  );

  stack.supervisor.kill(frozen, 'SIGCONT');
  await expect.stage('5_percent');
  const rollout = await expect.ended('1.0');
  assert.equal(rollout.phase, 'completed', rollout.ended?.reason);

  const all = await commits();
  const takeover = all.find(
    (c) =>
      c.events.some((e) => e.type === 'schedule.leader_elected') && c.by === successor && (c.fence ?? 0) > oldEpoch,
  );
  assert.ok(takeover !== undefined);
  const late = all.filter(
    (c) =>
      c.seq > takeover.seq &&
      c.fence === oldEpoch &&
      (c.aggregate.kind === 'schedule' || c.aggregate.kind === 'rollouts'),
  );
  assert.deepEqual(
    late.map((c) => c.events.map((e) => e.type)),
    [],
    'nothing of the old term was appended to the schedule or a rollout after the new one began',
  );
  assertJournalSound(all);
  await eventually('the command sees that somebody leads', async () => ((await hasLeader(bus)) ? true : undefined));
});

test('an abort that a frozen replica reads when it wakes ends no later rollout', async (t) => {
  const { given, when, expect, stack, world, bus } = await startSystem(t, { replicas: { coordinator: 2 } });
  await given.adopted('1.0');
  when.traffic(60);
  await when.applied('1.0');
  await expect.stage('shadow');
  const frozen = world().schedule.leader ?? assert.fail('nobody leads');
  stack.supervisor.kill(frozen, 'SIGSTOP');
  await when.aborted('stop');
  const first = await expect.ended('1.0');
  await eventually('a leader that answers', async () => ((await hasLeader(bus)) ? true : undefined));

  await when.applied('1.0');
  await expect.stage('shadow');
  stack.supervisor.kill(frozen, 'SIGCONT');
  await stack.waitUntilReady(frozen);
  await expect.stage('5_percent');
  const { current } = world().rollouts.tiny ?? assert.fail();
  assert.notEqual(current?.rolloutId, first.rolloutId);
  assert.equal(current?.ended, undefined);
});

test('an abort is answered by a replica that does not lead, while the leader stands still', async (t) => {
  const { given, when, expect, commits, stack, world } = await startSystem(t, { replicas: { coordinator: 2 } });
  await given.adopted('1.0');
  when.traffic(60);
  await when.applied('1.0');
  await expect.stage('5_percent');
  const leader = world().schedule.leader ?? assert.fail('nobody leads');
  stack.supervisor.kill(leader, 'SIGSTOP');
  await when.aborted('stop');
  const rollout = await expect.ended('1.0');
  assert.equal(rollout.ended?.reason, 'stop');

  stack.supervisor.kill(leader, 'SIGCONT');
  await stack.waitUntilReady(leader);
  for (let again = 0; again < 5; again++) await when.aborted('again');
  const aborts = (await commits()).flatMap((c) => c.events.filter((e) => e.type === 'rollout.aborted'));
  assert.equal(aborts.length, 1, 'every replica hears an abort, one commit records it');
});
