import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pushDataset, pushModel } from '@conclave/cli';
import { tinyDataset } from '../../services/gpu-runner/src/testing/tiny-bundle.ts';
import { startSystem } from '../fixtures/system.ts';
import { tinyBundleDir, tinyDatasetDir } from '../fixtures/tiny-model.ts';

test('a version for a corpus with one more document is rolled out against one that lacks it', async (t) => {
  const { given, when, expect, bus, token, world } = await startSystem(t);
  await given.adopted();
  const { 'corpus.jsonl': corpus } = tinyDataset();
  const change = {
    'dataset.json': JSON.stringify({ schema: 'conclave.dataset/v1', name: 'tiny-next', split: 'test' }),
    'corpus.jsonl': `${corpus}{"_id":"extra","text":"extra"}\n`,
  };
  await pushDataset(bus, await tinyDatasetDir(change), { token });
  const documents = {
    'documents.f32': new Uint8Array(Float32Array.from([1, 0, 0, 0, 1, 0, 0, 0, 1, 0.1, 0.1, 0.1]).buffer),
    'documents.txt': 'left\nmiddle\nright\nextra\n',
  };
  await pushModel(bus, await tinyBundleDir('1.0', { change: documents }), { token });
  const load = when.traffic(60);
  await when.applied('1.0', { dataset: 'tiny-next' });
  const rollout = await expect.ended('1.0');
  assert.equal(rollout.phase, 'completed', rollout.ended?.reason);
  const stable = world().rollouts.tiny?.previousStable ?? assert.fail('no version before');
  const comparisons = Object.values(world().evaluations).flatMap(({ result }) =>
    result?.kind === 'offline' && result.comparison !== undefined ? [result.comparison] : [],
  );
  assert.ok(comparisons.some((one) => one.baselineDigest === stable.digest && one.baselineDataset === stable.dataset));
  assert.equal(load.counts.failed, 0, load.counts.lastFailure);
});
