import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openArtifacts } from '@conclave/bus';
import { callApi } from '@conclave/cli';
import { textBundle } from '../../services/gpu-runner/src/testing/tiny-bundle.ts';
import { eventually, startSystem } from '../fixtures/system.ts';
import { TINY_DATASET, TINY_MODEL, tinyBundleDir, tinyRollout } from '../fixtures/tiny-model.ts';

/** The files of a bundle under another model's name. */
function bundleOf(model: string, version: string): Record<string, string> {
  return { 'bundle.json': String(textBundle(version)['bundle.json']).replace('"model":"tiny"', `"model":"${model}"`) };
}

test('what cannot be loaded takes nobody else out, keeps no name, and can be removed', async (t) => {
  const { given, expect, bus, token, stack, world } = await startSystem(t);
  await given.adopted();
  const runner = stack.urls['gpu-runner-0'] ?? assert.fail('no runner');
  const register = async (model: string, version: string, change: Record<string, string>): Promise<void> => {
    const dir = await tinyBundleDir(version, { change: { ...bundleOf(model, version), ...change } });
    const { digest } = await openArtifacts(bus).pushDirectory(dir, 'model');
    await callApi(bus, 'register_model', { model, version, digest, description: '', bytes: 1 }, token);
  };
  const adopt = (model: string, version: string) =>
    callApi(bus, 'adopt', { model, version, dataset: TINY_DATASET }, token);
  const readiness = async (): Promise<[status: number, text: string]> => {
    const response = await fetch(`${runner}/readyz`);
    return [response.status, await response.text()];
  };

  await register('bad', '1.0', { 'text.onnx': 'broken' });
  await register('bad', '1.1', {});
  await adopt('bad', '1.0');
  await eventually('the runner says that it cannot be loaded', async () =>
    (await readiness())[1].includes('bad 1.0 cannot be loaded: CVE_BUNDLE_ONNX_INVALID') ? true : undefined,
  );
  assert.equal((await readiness())[0], 200);
  assert.equal((await fetch(`${runner}/v2/health/ready`)).status, 200);
  assert.equal((await fetch(`${runner}/v2/models/${TINY_MODEL}/ready`)).status, 200);
  assert.equal((await fetch(`${runner}/v2/models/bad/ready`)).status, 503);

  const definition = { ...tinyRollout('1.1'), metadata: { name: 'bad-1-1' } };
  const spec = { ...definition.spec, model: 'bad' };
  await assert.rejects(
    callApi(bus, 'apply', { definition: { ...definition, spec } }, token),
    /CVE_ROLLOUT_INVALID: bad 1\.0 is recorded as stable and has never served.*gpu-runner-0 cannot load 1\.0/,
  );
  await adopt('bad', '1.1');
  await expect.holds('the other version serves', ({ rollouts }) => rollouts.bad?.stable?.servedAt);
  assert.equal((await fetch(`${runner}/v2/models/bad/ready`)).status, 200);
  await assert.rejects(adopt('bad', '1.0'), { code: 'CVE_ROLLOUT_CONFLICT' });
  await assert.rejects(
    callApi(bus, 'forget', { model: 'bad', reason: 'test' }, token),
    /CVE_ROLLOUT_CONFLICT: bad serves/,
  );

  await register('hopeless', '1.0', { 'text.onnx': 'broken' });
  await adopt('hopeless', '1.0');
  await eventually('the runner says so', async () => ((await readiness())[1].includes('hopeless') ? true : undefined));
  await callApi(bus, 'forget', { model: 'hopeless', reason: 'it cannot be loaded' }, token);
  await expect.holds('it is forgotten', ({ rollouts }) => (rollouts.hopeless === undefined ? true : undefined));
  await eventually('the runner has dropped it', async () =>
    (await fetch(`${runner}/v2/models/hopeless/ready`)).status === 404 ? true : undefined,
  );
  assert.doesNotMatch((await readiness())[1], /hopeless/);
  assert.notEqual(world().registry.hopeless, undefined, 'its bundle stays');
});
