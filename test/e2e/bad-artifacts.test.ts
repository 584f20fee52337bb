import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openArtifacts } from '@conclave/bus';
import { callApi, pushDataset, pushModel } from '@conclave/cli';
import { type ConclaveError, isConclaveError } from '@conclave/contracts';
import { startSystem } from '../fixtures/system.ts';
import { TINY_MODEL, tinyBundleDir, tinyDatasetDir } from '../fixtures/tiny-model.ts';

const failsWith = (code: Parameters<typeof isConclaveError>[1], says: RegExp) => (error: ConclaveError) => {
  assert.ok(isConclaveError(error, code), String(error));
  assert.match(error.message, says);
  return true;
};

test('bad artifacts are refused with the thing, the value and the way out, and what serves goes on serving', async (t) => {
  const { given, when, expect, bus, token, world } = await startSystem(t);
  await given.adopted('1.0');
  const load = when.traffic(30);

  await t.test('a truncated ONNX file is refused before anything is stored', async () => {
    const dir = await tinyBundleDir('2.0');
    const file = join(dir, 'text.onnx');
    await writeFile(file, (await readFile(file)).subarray(0, 100));
    await assert.rejects(pushModel(bus, dir, { token }), failsWith('CVE_BUNDLE_ONNX_INVALID', /text\.onnx/));
    assert.equal(world().registry[TINY_MODEL]?.versions['2.0'], undefined);
  });

  await t.test(
    'a truncated ONNX file that came in past the check fails to load, and its rollout is rolled back',
    async () => {
      const dir = await tinyBundleDir('2.1');
      const file = join(dir, 'text.onnx');
      await writeFile(file, (await readFile(file)).subarray(0, 100));
      const { digest, bytes } = await openArtifacts(bus).pushDirectory(dir, 'model');
      await callApi(
        bus,
        'register_model',
        { model: TINY_MODEL, version: '2.1', digest, description: '', bytes },
        token,
      );
      await when.applied('2.1');
      const rollout = await expect.ended('2.1');
      assert.equal(rollout.phase, 'rolled_back');
      assert.match(rollout.ended?.reason ?? '', /cannot serve 2\.1: .*text\.onnx/);
    },
  );

  await t.test('the same version with another digest is refused', async () => {
    await assert.rejects(
      pushModel(bus, await tinyBundleDir('1.0', { wrong: true }), { token }),
      failsWith('CVE_MODEL_DIGEST_CONFLICT', /tiny 1\.0 is registered as sha256:/),
    );
  });

  await t.test('qrels that name an unknown document are refused with file, line and id', async () => {
    const dir = await tinyDatasetDir({ 'qrels/test.tsv': 'query-id\tcorpus-id\tscore\nq1\tnowhere\t2\n' });
    await assert.rejects(
      pushDataset(bus, dir, { token }),
      failsWith('CVE_DATASET_INVALID', /qrels\/test\.tsv:2.*nowhere/),
    );
  });

  await t.test('a version that was never pushed is refused by name', async () => {
    await assert.rejects(
      when.applied('7.7'),
      failsWith('CVE_MODEL_UNKNOWN', /tiny 7\.7 is not registered \(known: .*1\.0/),
    );
  });

  await t.test("an operator's verb without or with a wrong token is refused", async () => {
    await assert.rejects(
      callApi(bus, 'abort', { model: TINY_MODEL, reason: 'x' }),
      failsWith('CVE_UNAUTHORIZED', /carries no token/),
    );
    await assert.rejects(
      callApi(bus, 'abort', { model: TINY_MODEL, reason: 'x' }, 'wrong'),
      failsWith('CVE_UNAUTHORIZED', /no operator's/),
    );
  });

  assert.equal(load.counts.failed, 0, load.counts.lastFailure);
});
