import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { until } from '@conclave/bus/testing';
import { type Files, textBundle, tinyDataset, vectorBundle, writeFiles } from '../testing/tiny-bundle.ts';
import { ModelProcess, type ModelProcessOptions } from './model-process.ts';

const root = mkdtempSync(join(tmpdir(), 'model-process-'));
const started: ModelProcess[] = [];
after(async () => {
  await Promise.all(started.map((process) => process.stop()));
  rmSync(root, { recursive: true });
});
const datasetDir = writeFiles(join(root, 'dataset'), tinyDataset());

function start(files: Files, options: Partial<ModelProcessOptions> = {}): ModelProcess {
  const bundleDir = writeFiles(join(root, String(started.length)), files);
  const batching = { maxBatch: 8, maxBatchWaitMs: 0, maxQueue: 64, requestTimeoutMs: 60_000 };
  const model = new ModelProcess({ name: 'tiny 1.0', bundleDir, datasetDir, provider: 'cpu', ...batching, ...options });
  started.push(model);
  return model;
}
const ready = (model: ModelProcess) => until(() => model.state === 'ready', `${model.detail}: ready`);
const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('a served version in its own process', () => {
  it('loads, warms up and answers, and is gone after stop', async () => {
    const model = start(textBundle('1.0'));
    await assert.rejects(model.search(['left'], 1), { code: 'CVE_INFER_NOT_READY' });
    await ready(model);
    assert.match(model.detail, /^ready in \d+ ms, 3 documents$/);
    assert.deepEqual(model.probes, ['left', 'middle', 'nothing']);
    const answers = await Promise.all(['left', 'middle', 'right'].map((text) => model.search([text], 1)));
    assert.deepEqual(
      answers.map(([best]) => best?.[0]?.id),
      ['left', 'middle', 'right'],
    );
    const { pid } = model;
    assert.ok(pid !== undefined && isAlive(pid));
    await model.stop();
    assert.equal(isAlive(pid), false);
    await assert.rejects(model.search(['left'], 1), { code: 'CVE_INFER_NOT_READY' });
  });

  it('does not let one invalid request spoil the batch of others', async () => {
    const model = start(vectorBundle('1.0'));
    await ready(model);
    const [good, bad] = await Promise.allSettled([model.search([[1, 0, 0]], 1), model.search(['text'], 1)]);
    assert.equal(good.status, 'fulfilled');
    assert.match(String(bad.status === 'rejected' && bad.reason), /CVE_INFER_INVALID/);
  });

  it('survives a query whose scores overflow, and answers who asked along with it', async () => {
    const documents = new Uint8Array(Float32Array.from([1e30, 0, 0, 0, 1, 0, 0, 0, 1]).buffer);
    const bundle = vectorBundle('1.0', undefined, { 'documents.f32': documents });
    const model = start(bundle, { maxBatch: 2, maxBatchWaitMs: 60_000 });
    await ready(model);
    const { pid } = model;
    const [good, bad] = await Promise.allSettled([model.search([[0, 1, 0]], 1), model.search([[1e30, 0, 0]], 1)]);
    assert.deepEqual(good.status === 'fulfilled' && good.value, [[{ id: 'middle', score: 1 }]]);
    assert.match(String(bad.status === 'rejected' && bad.reason), /CVE_INFER_INVALID/);
    assert.equal(model.pid, pid);
  });

  it('is started again after a crash; another version does not notice', async () => {
    const details: string[] = [];
    const onChange = () => void details.push(candidate.detail);
    const candidate = start(textBundle('1.1'), { backoffMs: 10, name: 'tiny 1.1', maxBatchWaitMs: 60_000, onChange });
    const stable = start(textBundle('1.0'));
    await Promise.all([ready(candidate), ready(stable)]);
    const crashed = candidate.pid;
    const inFlight = assert.rejects(candidate.search(['left'], 1), { code: 'CVE_INFER_FAILED', retry: 'retryable' });
    assert.ok(crashed !== undefined);
    process.kill(crashed, 'SIGKILL');
    do {
      const [best] = await stable.search(['left'], 1);
      assert.equal(best?.[0]?.id, 'left');
    } while (details.length < 2);
    await inFlight;
    assert.match(details[1] ?? '', /was ended by SIGKILL, starting again in 10 ms/);
    await ready(candidate);
    assert.notEqual(candidate.pid, crashed);
  });

  it('fails for good, with the reason, when the bundle is broken', async () => {
    const model = start(vectorBundle('1.0', undefined, { 'query.onnx': 'broken' }), { backoffMs: 1 });
    await until(() => model.state !== 'loading', 'decided');
    assert.equal(model.state, 'failed');
    assert.match(model.detail, /^CVE_BUNDLE_ONNX_INVALID: query.onnx cannot be loaded/);
    await until(() => model.pid === undefined, 'process ended');
    assert.equal(model.state, 'failed');
  });

  it('names the files of the bundle in its reason, not where this machine keeps them', async () => {
    const model = start({ 'other.json': '{}' }, { backoffMs: 1 });
    await until(() => model.state !== 'loading', 'decided');
    assert.match(model.detail, /^CVE_BUNDLE_INVALID: bundle\/bundle.json/);
    assert.ok(!model.detail.includes(root), model.detail);
  });

  it('fails when the warm-up gives values that are not finite', async () => {
    const model = start(vectorBundle('1.0', { rows: 3, columns: 3, values: Array(9).fill(Number.NaN) }));
    await until(() => model.state !== 'loading', 'decided');
    assert.match(model.detail, /^CVE_BUNDLE_ONNX_INVALID: the warm-up queries failed.*not finite/);
  });

  it('is killed when it does not load in time, and gives up after three times', async () => {
    const model = start(textBundle('1.0'), { loadTimeoutMs: 1, backoffMs: 1 });
    await until(() => model.state === 'failed', 'given up');
    assert.match(model.detail, /did not load within 1 ms.*3 times/);
  });

  it('is killed and started again when it is stuck', async () => {
    const model = start(textBundle('1.0'), { stuckAfterMs: 50, backoffMs: 10 });
    await ready(model);
    const { pid } = model;
    assert.ok(pid !== undefined);
    process.kill(pid, 'SIGSTOP');
    await assert.rejects(model.search(['left'], 1), /was ended by SIGKILL/);
    await until(() => model.state === 'ready', 'started again');
    assert.notEqual(model.pid, pid);
  });
});
