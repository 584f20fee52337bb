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
  options: { baseline?: Files; own?: Files; dataset?: Files; signal?: AbortSignal; silenceMs?: number } = {},
) {
  const progress: [number, number][] = [];
  const { baseline, own } = options;
  const order = {
    name: 'tiny 1.1',
    bundleDir: write(bundle),
    datasetDir: write(options.dataset ?? tinyDataset()),
    provider: 'cpu' as const,
    priority: 10,
    seed: 'seed',
    ...(baseline === undefined
      ? {}
      : {
          baseline: {
            name: 'stable tiny 1.0',
            bundleDir: write(baseline),
            ...(own === undefined ? {} : { ownDatasetDir: write(own) }),
          },
        }),
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
    assert.deepEqual((await measured).measurement, {
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
    const {
      measurement: { metrics },
      comparison,
    } = await measured;
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
    const { measurement, baselineError } = await measure(textBundle('1.0'), { baseline: broken }).measured;
    assert.equal(measurement.metrics['ndcg@10'].value, 1, 'what was measured of the version stands');
    assert.match(baselineError?.message ?? '', /^CVE_BUNDLE_ONNX_INVALID: stable tiny 1\.0: query\.onnx /);
    const noVectors = tinyDataset({ 'queries.jsonl': '{"_id":"q1","text":"left"}\n{"_id":"q2","text":"middle"}\n' });
    await assert.rejects(
      measure(vectorBundle('1.0'), { dataset: noVectors }).measured,
      /CVE_DATASET_INVALID: tiny 1\.1: queries.jsonl: query q1 lacks a vector of 3 numbers/,
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
    await assert.rejects(
      measured,
      /CVE_EVALUATION_FAILED: tiny 1\.1: the evaluation process made no progress for 1 ms/,
    );
  });

  describe('against a stable version whose documents are others', () => {
    const { 'corpus.jsonl': corpus, 'queries.jsonl': queries } = tinyDataset();
    /** One document more, which q3 is about. */
    const grown = tinyDataset({
      'corpus.jsonl': `${corpus}{"_id":"extra","text":"extra"}\n`,
      'qrels/test.tsv': 'q1\tleft\t2\nq2\tmiddle\t1\nq3\textra\t1\n',
    });
    const forGrown = {
      'documents.f32': new Uint8Array(Float32Array.from([1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1]).buffer),
      'documents.txt': 'left\nmiddle\nright\nextra\n',
    };
    /** One document less. */
    const shrunk = tinyDataset({
      'corpus.jsonl': '{"_id":"left","text":"left"}\n{"_id":"middle","text":"middle"}\n',
    });
    const forShrunk = {
      'documents.f32': new Uint8Array(Float32Array.from([1, 0, 0, 0, 1, 0]).buffer),
      'documents.txt': 'left\nmiddle\n',
    };

    for (const [what, dataset, files] of [
      ['grew', grown, forGrown],
      ['shrank', shrunk, forShrunk],
    ] as const) {
      it(`asks both the same queries, each over the documents it has, when the corpus ${what}`, async () => {
        const bundle = vectorBundle('1.1', undefined, files);
        const { measured } = measure(bundle, { dataset, baseline: vectorBundle('1.0'), own: tinyDataset() });
        const { measurement, comparison, baselineError } = await measured;
        assert.equal(baselineError, undefined);
        assert.equal(measurement.documents, what === 'grew' ? 4 : 2);
        assert.ok(measurement.metrics['ndcg@10'].value > 0.6);
        assert.deepEqual([comparison?.queries, comparison?.shared?.queries], [what === 'grew' ? 3 : 2, 2]);
        // Only the candidate can find what q3 asks for; what both have both find, but for ties.
        assert.ok((comparison?.difference.value ?? 0) > (what === 'grew' ? 0 : -1e-9));
        assert.ok((comparison?.shared?.difference.value ?? 9) <= 1e-9);
      });
    }

    it('finds a loss on the old documents, though only the new version has the new ones', async () => {
      const turned = { rows: 3, columns: 3, values: [0, 0, 1, 1, 0, 0, 0, 1, 0] };
      const bundle = vectorBundle('1.1', turned, forGrown);
      const { measured } = measure(bundle, { dataset: grown, baseline: vectorBundle('1.0'), own: tinyDataset() });
      assert.ok(((await measured).comparison?.shared?.difference.value ?? 0) < -0.3);
    });

    it('finds it a loss that a document is gone which the same query asks for', async () => {
      const dataset = { ...shrunk, 'queries.jsonl': String(queries).replaceAll('"q', '"other-q') };
      const graded = { ...dataset, 'qrels/test.tsv': 'other-q1\tleft\t2\n' };
      const own = tinyDataset({ 'qrels/test.tsv': 'q1\tleft\t2\nq1\tright\t2\nq2\tmiddle\t1\n' });
      const bundle = vectorBundle('1.1', undefined, forShrunk);
      const { measured } = measure(bundle, { dataset: graded, baseline: vectorBundle('1.0'), own });
      const { measurement, comparison } = await measured;
      assert.equal(measurement.metrics['ndcg@10'].value, 1, 'by its own grades it finds everything');
      assert.ok((comparison?.difference.value ?? 0) < -0.2);
    });

    it('searches the same documents where it can', async () => {
      const { measured } = measure(vectorBundle('1.1'), { baseline: vectorBundle('1.0'), own: grown });
      const { comparison } = await measured;
      assert.deepEqual([comparison?.queries, comparison?.shared], [2, undefined]);
    });

    it('keeps the version’s own figures and says what stable lacks when nothing can be compared', async () => {
      const bundle = vectorBundle('1.1', undefined, forGrown);
      const without = await measure(bundle, { dataset: grown, baseline: vectorBundle('1.0') }).measured;
      assert.equal(without.comparison, undefined);
      assert.match(
        without.baselineError?.message ?? '',
        /^CVE_BUNDLE_INVALID: stable tiny 1\.0: documents\.txt: has no row for document extra/,
      );
      const broken = vectorBundle('1.0', undefined, { 'query.onnx': 'broken' });
      const { measurement, baselineError } = await measure(bundle, {
        dataset: grown,
        baseline: broken,
        own: tinyDataset(),
      }).measured;
      assert.equal(measurement.queries, 3);
      assert.match(baselineError?.message ?? '', /^CVE_BUNDLE_ONNX_INVALID: stable tiny 1\.0: query\.onnx/);
    });
  });
});
