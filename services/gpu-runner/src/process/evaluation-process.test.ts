import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type Files, textBundle, tinyDataset, vectorBundle, writeFiles } from '../testing/tiny-bundle.ts';
import { measureInProcess } from './evaluation-process.ts';

const root = mkdtempSync(join(tmpdir(), 'evaluation-process-'));
after(() => rmSync(root, { recursive: true }));
let made = 0;
const write = (files: Files) => writeFiles(join(root, String(++made)), files);

function measure(
  bundle: Files,
  options: { baseline?: Files; dataset?: Files; signal?: AbortSignal; silenceMs?: number } = {},
) {
  const progress: [number, number][] = [];
  const order = {
    bundleDir: write(bundle),
    datasetDir: write(options.dataset ?? tinyDataset()),
    provider: 'cpu' as const,
    priority: 10,
    seed: 'seed',
    ...(options.baseline === undefined ? {} : { baselineDir: write(options.baseline) }),
  };
  const signal = options.signal ?? new AbortController().signal;
  const { silenceMs } = options;
  const measured = measureInProcess(order, {
    signal,
    onProgress: (...step) => void progress.push(step),
    ...(silenceMs === undefined ? {} : { silenceMs }),
  });
  return { measured, progress };
}

describe('offline evaluation in its own process', () => {
  it('measures a perfect model, leaving the query without relevant document out', async () => {
    const { measured, progress } = measure(textBundle('1.0'));
    const perfect = { value: 1, low: 1, high: 1 };
    assert.deepEqual(await measured, {
      queries: 2,
      emptyQueries: 1,
      documents: 3,
      metrics: { 'ndcg@10': perfect, 'ndcg@10_exponential': perfect },
    });
    assert.deepEqual(progress, [
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
  });

  it('compares pairwise, whatever form the queries of each take', async () => {
    const { measured } = measure(textBundle('1.1', { wrong: true }), { baseline: vectorBundle('1.0') });
    const { metrics, comparison } = await measured;
    // `left` finds middle, then right and left with equal scores: rank 3. `middle` finds right, then middle and left: rank 2.
    const expected = (1 / Math.log2(4) + 1 / Math.log2(3)) / 2;
    assert.ok(Math.abs(metrics['ndcg@10'].value - expected) < 1e-9, `${metrics['ndcg@10'].value}`);
    assert.ok(Math.abs((comparison?.difference.value ?? 0) - (expected - 1)) < 1e-9);
    // Two losses: one of four sign patterns is as low.
    assert.ok(Math.abs((comparison?.lossPValue ?? 0) - 0.25) < 0.02);
    assert.equal(comparison?.queries, 2);
  });

  it('gives the same figures each time', async () => {
    const [a, b] = await Promise.all([1, 2].map(() => measure(textBundle('1.1', { wrong: true })).measured));
    assert.deepEqual(a, b);
  });

  it('names what is wrong with bundle, baseline or dataset', async () => {
    await assert.rejects(measure({ 'bundle.json': '{}' }).measured, { code: 'CVE_BUNDLE_INVALID' });
    const broken = vectorBundle('1.0', undefined, { 'query.onnx': 'broken' });
    await assert.rejects(measure(textBundle('1.0'), { baseline: broken }).measured, {
      code: 'CVE_BUNDLE_ONNX_INVALID',
    });
    const noVectors = tinyDataset({ 'queries.jsonl': '{"_id":"q1","text":"left"}\n{"_id":"q2","text":"middle"}\n' });
    await assert.rejects(
      measure(vectorBundle('1.0'), { dataset: noVectors }).measured,
      /CVE_DATASET_INVALID: queries.jsonl: query q1 lacks a vector of 3 numbers/,
    );
    const nothing = tinyDataset({ 'qrels/test.tsv': 'q1\tleft\t0\n' });
    await assert.rejects(measure(textBundle('1.0'), { dataset: nothing }).measured, /no query has a relevant document/);
  });

  it('ends when it is cancelled', async () => {
    const stopping = new AbortController();
    const { measured } = measure(textBundle('1.0'), { signal: stopping.signal });
    stopping.abort();
    await assert.rejects(measured, { code: 'CVE_CANCELLED' });
  });

  it('is given up when its process falls silent', async () => {
    const { measured } = measure(textBundle('1.0'), { silenceMs: 1 });
    await assert.rejects(measured, /CVE_EVALUATION_FAILED: the evaluation process made no progress for 1 ms/);
  });
});
