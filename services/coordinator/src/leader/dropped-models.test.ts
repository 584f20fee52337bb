import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aggregates, changedAnswer, sha256 } from '@conclave/contracts';
import { startLeading } from '../testing/leading.ts';

test('a model that was forgotten so long ago that nothing is known of it may be registered and adopted again', async () => {
  await using c = await startLeading();
  const dataset = { name: 'queries', digest: sha256('queries'), description: '', documents: 3, queries: 6, bytes: 1 };
  await c.call('register_dataset', dataset);
  const digest = (model: string): string => sha256(`${model} 1.0`);
  const by = 'ada';
  for (let n = 0; n < 130; n++) {
    const model = `m${n}`;
    const served = { model, version: '1.0', digest: digest(model), dataset: dataset.digest, by };
    await c.given(aggregates.rollouts(model), ['rollout.adopted', served], ['rollout.forgotten', { by, reason: 'r' }]);
  }
  assert.deepEqual([c.world().rollouts.m0, c.world().forgotten.m0], [undefined, undefined]);
  await c.call('register_model', { model: 'm0', version: '1.0', digest: digest('m0'), description: '', bytes: 1 });
  const answer = await c.call('adopt', { model: 'm0', version: '1.0', dataset: 'queries' });
  assert.equal(changedAnswer.parse(answer).stable, '1.0');
});
