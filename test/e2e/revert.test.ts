import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callApi } from '@conclave/cli';
import { assertJournalSound } from '../fixtures/journal-invariants.ts';
import { startSystem } from '../fixtures/system.ts';
import { TINY_MODEL } from '../fixtures/tiny-model.ts';

test('a version that melts after its completion is taken back by one verb, without a failed request', async (t) => {
  const { given, when, expect, commits, bus, token } = await startSystem(t);
  await given.adopted('1.0');
  const load = when.traffic(60);
  await when.applied('1.0');
  assert.equal((await expect.ended('1.0')).phase, 'completed');
  assert.equal(Object(await when.aborted('too late')).outcome, 'nothing_to_roll_back');

  const revert = () => callApi(bus, 'revert', { model: TINY_MODEL, reason: 'it melts' }, token);
  assert.equal(Object(await revert()).serving, '0.9');
  assert.equal(Object(await revert()).outcome, 'nothing_to_roll_back');
  const { stable, current } = await expect.holds('the version before', ({ rollouts }) =>
    rollouts[TINY_MODEL]?.stable?.version === '0.9' ? rollouts[TINY_MODEL] : undefined,
  );
  assert.equal(stable?.version, '0.9');
  assert.equal(current?.ended?.reason, 'it melts');

  await expect.answersAlone('0.9');
  assert.equal(load.counts.failed, 0, load.counts.lastFailure);
  assertJournalSound(await commits());
});
