import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConclaveError, isConclaveError, type Plan, parseHandoff } from '@conclave/contracts';
import type { WorldWriter } from '@conclave/service';
import { clockOf, writerOf } from '../testing/memory-writer.ts';
import { TestWorld } from '../testing/test-world.ts';
import { planIntake } from './plan-intake.ts';

const plan = (id: string, text = 'check', actions = 1): Plan => {
  const one = (_: unknown, n: number) => ({ id: n, action: text, owner: 'ops_commander', priority: 'high' });
  const all = Array.from({ length: actions }, one);
  return parseHandoff({ timestamp: 't', meeting_id: id, actions: all, count: actions, source: '' });
};

test('plans that come together share a commit, in order, and each is accepted or refused by itself', async () => {
  const t = new TestWorld();
  const { takeIn } = planIntake(writerOf(t), clockOf(t));
  assert.equal((await takeIn(plan('old'))).accepted, 'taken_in');
  const before = t.commits.length;
  const answers = await Promise.allSettled(
    [plan('first'), plan('old'), plan('old', 'something else'), plan('second'), plan('first'), plan('third')].map(
      takeIn,
    ),
  );
  assert.deepEqual(
    answers.map((a) => (a.status === 'fulfilled' ? a.value.accepted : a.reason.code)),
    ['taken_in', 'known', 'CVE_HANDOFF_ID_TAKEN', 'taken_in', 'known', 'taken_in'],
  );
  assert.deepEqual(Object.keys(t.world.schedule.plans), ['old', 'first', 'second', 'third']);
  assert.ok(t.commits.length - before < 4, `${t.commits.length - before} commits`);
});

test('a commit of many plans stays below the limit of one', async () => {
  const t = new TestWorld();
  const { takeIn } = planIntake(writerOf(t), clockOf(t));
  await Promise.all(Array.from({ length: 40 }, (_, n) => takeIn(plan(`p${n}`, 'x'.repeat(1000), 50))));
  assert.equal(Object.keys(t.world.schedule.plans).length, 40);
  for (const { events } of t.commits) assert.ok(JSON.stringify(events).length < 512 * 1024);
  assert.ok(t.commits.length < 20, `${t.commits.length}`);
});

test('when a commit fails all that shared it are told, and the next go on', async () => {
  const t = new TestWorld();
  let fails = true;
  const writer: WorldWriter = {
    ...writerOf(t),
    async commit(...args) {
      if (fails) throw new ConclaveError('CVE_LEASE_LOST', 'no longer');
      return await writerOf(t).commit(...args);
    },
  };
  const { takeIn } = planIntake(writer, clockOf(t));
  const lost = (error: unknown): boolean => isConclaveError(error, 'CVE_LEASE_LOST');
  await Promise.all([plan('a'), plan('b')].map((one) => assert.rejects(takeIn(one), lost)));
  fails = false;
  assert.equal((await takeIn(plan('a'))).accepted, 'taken_in');
});
