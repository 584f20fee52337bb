import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { readDataset } from '@conclave/bundles';
import sharp from 'sharp';
import { type Files, textBundle, tinyDataset, vectorBundle, writeFiles } from '../testing/tiny-bundle.ts';
import { linearOnnx, pictureOnnx } from '../testing/tiny-onnx.ts';
import { openEngine, openEngineOver } from './engine.ts';

const root = mkdtempSync(join(tmpdir(), 'engine-'));
after(() => rmSync(root, { recursive: true }));
let made = 0;
const write = (files: Files) => writeFiles(join(root, String(++made)), files);
const open = (bundle: Files, dataset: Files = tinyDataset()) => openEngine(write(bundle), write(dataset), 'cpu');
const manifestOf = (bundle: Files) => String(bundle['bundle.json']);
const withManifest = (bundle: Files, edit: (text: string) => string): Files => ({
  ...bundle,
  'bundle.json': edit(manifestOf(bundle)),
});

describe('engine with a user’s own ONNX model', () => {
  it('answers vectors, best first', async () => {
    const engine = await open(vectorBundle('1.0'));
    const [first, second] = await engine.search(
      [
        [0.2, 0.9, 0.5],
        [3, 2, 1],
      ],
      2,
    );
    assert.deepEqual(
      first?.map(({ id }) => id),
      ['middle', 'right'],
    );
    assert.deepEqual(second, [
      { id: 'left', score: 3 },
      { id: 'middle', score: 2 },
    ]);
    await engine.release();
  });

  it('answers text', async () => {
    const engine = await open(textBundle('1.0'));
    const answers = await engine.search(['LEFT', 'right!', 'unknown'], 3);
    // Equal scores by document id, descending.
    assert.deepEqual(
      answers.map((answer) => answer.map(({ id }) => id)),
      [
        ['left', 'right', 'middle'],
        ['right', 'middle', 'left'],
        ['right', 'middle', 'left'],
      ],
    );
    await engine.release();
  });

  for (const index of ['on_load', 'per_query'] as const) {
    it(`encodes pictures ${index}`, async () => {
      const engine = await open(pictureBundle(index), await pictureDataset());
      const [answer] = await engine.search([[0, 1]], 1);
      assert.deepEqual(answer, [{ id: 'green', score: 1 }]);
      assert.equal(engine.documents, 2);
      await engine.release();
    });
  }

  it('encodes each batch of pictures before it decodes the next', async () => {
    const names = Array.from({ length: 65 }, (_, i) => `p${i}`);
    const corpus = names.map((_id) => JSON.stringify({ _id, picture: _id === 'p64' ? 'broken.png' : 'green.png' }));
    const dataset = await pictureDataset();
    const files = { ...dataset, 'corpus.jsonl': corpus.join('\n'), 'qrels/test.tsv': 'q1\tp1\t1\n', 'broken.png': '' };
    let encoded = 0;
    const opening = openEngineOver(write(pictureBundle('on_load')), readDataset(write(files)), 'cpu', {
      onEncoded: () => void encoded++,
    });
    await assert.rejects(opening, /CVE_DATASET_INVALID: broken.png/);
    assert.equal(encoded, 1);
  });

  it('rejects a query of the wrong form', async () => {
    const vectors = await open(vectorBundle('1.0'));
    await assert.rejects(vectors.search(['text'], 1), /CVE_INFER_INVALID.*vectors of 3 numbers, got text/);
    await assert.rejects(vectors.search([[1, 2]], 1), /CVE_INFER_INVALID.*got 2 numbers/);
    await assert.rejects(vectors.search([[1, 2, Number.NaN]], 1), /CVE_INFER_INVALID.*finite/);
    // Finite as a double, infinite as the float32 that the model gets.
    await assert.rejects(vectors.search([[1, 2, 1e39]], 1), /CVE_INFER_INVALID.*finite as float32/);
    const text = await open(textBundle('1.0'));
    await assert.rejects(text.search([[1, 2, 3]], 1), /CVE_INFER_INVALID.*takes text/);
  });

  it('refuses a query whose scores overflow', async () => {
    const documents = new Uint8Array(Float32Array.from([1e30, 0, 0, 0, 1, 0, 0, 0, 1]).buffer);
    const engine = await open(vectorBundle('1.0', undefined, { 'documents.f32': documents }));
    await assert.rejects(engine.search([[1e30, 0, 0]], 1), /CVE_INFER_INVALID.*score.*not finite/);
    assert.deepEqual(await engine.search([[0, 2, 0]], 1), [[{ id: 'middle', score: 2 }]]);
    await engine.release();
  });

  it('refuses answers that are not finite', async () => {
    const weights = { rows: 3, columns: 3, values: Array(9).fill(Number.NaN) };
    const engine = await open(vectorBundle('1.0', weights));
    await assert.rejects(engine.search([[1, 2, 3]], 1), /CVE_INFER_FAILED.*not finite/);
  });
});

describe('what a broken bundle is told', () => {
  const weights = { rows: 3, columns: 3, values: Array(9).fill(1) };
  const onnx = linearOnnx(weights);
  const rejects = (bundle: Files, message: RegExp, dataset?: Files) => assert.rejects(open(bundle, dataset), message);

  it('a truncated or foreign ONNX file', async () => {
    const bundle = vectorBundle('1.0');
    await rejects(
      { ...bundle, 'query.onnx': onnx.slice(0, 40) },
      /CVE_BUNDLE_ONNX_INVALID: query.onnx cannot be loaded/,
    );
    await rejects({ ...bundle, 'query.onnx': 'PK pickled' }, /CVE_BUNDLE_ONNX_INVALID: query.onnx cannot be loaded/);
    await rejects({ ...bundle, 'query.onnx': '' }, /CVE_BUNDLE_ONNX_INVALID: query.onnx cannot be loaded/);
  });

  it('names of tensors that do not exist', async () => {
    const input = linearOnnx(weights, { input: 'x', output: 'embedding' });
    await rejects(
      vectorBundle('1.0', weights, { 'query.onnx': input }),
      /CVE_BUNDLE_ONNX_INVALID: query.onnx: expected input query to exist, found inputs x;/,
    );
    const output = linearOnnx(weights, { input: 'query', output: 'y' });
    await rejects(
      vectorBundle('1.0', weights, { 'query.onnx': output }),
      /CVE_BUNDLE_ONNX_INVALID: query.onnx: expected output embedding to exist, found outputs y;/,
    );
  });

  it('dimensions and element types that differ', async () => {
    await rejects(
      vectorBundle('1.0', weights, { 'query.onnx': linearOnnx({ rows: 4, columns: 3, values: Array(12).fill(1) }) }),
      /expected input query to be float32 \[batch, 3\], found float32 \[batch, 4\]/,
    );
    await rejects(
      vectorBundle('1.0', weights, { 'query.onnx': linearOnnx({ rows: 3, columns: 2, values: Array(6).fill(1) }) }),
      /expected output embedding to be float32 \[batch, 3\], found float32 \[batch, 2\]/,
    );
    const text = textBundle('1.0', {}, { 'text.onnx': linearOnnx({ ...weights, rows: 4, values: Array(12).fill(1) }) });
    await rejects(
      withManifest(text, (m) => m.replace('tokens', 'query')),
      /int64 \[batch, 4\], found float32/,
    );
  });

  it('a manifest or files that do not fit', async () => {
    const bundle = vectorBundle('1.0');
    await rejects({ ...bundle, 'bundle.json': '{' }, /CVE_BUNDLE_INVALID: .*bundle.json: is not JSON/);
    await rejects(
      withManifest(bundle, (m) => m.replace('"retrieval"', '"chat"')),
      /CVE_BUNDLE_INVALID: .*bundle.json: task/,
    );
    await rejects(
      withManifest(bundle, (m) => m.replace('query.onnx', 'other.onnx')),
      /CVE_BUNDLE_INVALID: .*other.onnx: does not exist, but query.onnx of bundle.json/,
    );
    await rejects(
      withManifest(bundle, (m) => m.replace('query.onnx', '../query.onnx')),
      /without \.\./,
    );
    await rejects({ ...bundle, 'documents.f32': new Uint8Array(8) }, /has 8 bytes, but 3 ids .* are 36/);
    await rejects(
      { ...bundle, 'documents.txt': 'left\nleft\nright\n' },
      /documents.txt:2: the id "left" already stands/,
    );
    await rejects({ ...bundle, 'documents.txt': 'left\nmiddle\nwrong\n' }, /names wrong, which is no document/);
    const infinite = new Uint8Array(Float32Array.from([1, 0, 0, 0, Number.POSITIVE_INFINITY, 0, 0, 0, 1]).buffer);
    await rejects({ ...bundle, 'documents.f32': infinite }, /row 1 \(document middle\) holds Infinity/);
  });

  it('pictures that are missing or broken', async () => {
    await rejects(pictureBundle('on_load'), /CVE_DATASET_INVALID: corpus.jsonl: document left has no picture/);
    const dataset = await pictureDataset();
    await rejects(
      pictureBundle('on_load'),
      /CVE_DATASET_INVALID: green.png: the picture of document green cannot be decoded/,
      { ...dataset, 'green.png': 'no picture' },
    );
  });
});

/** One pixel; the embedding is [red, green]. */
function pictureBundle(index: 'on_load' | 'per_query'): Files {
  const documents = {
    kind: 'pictures',
    onnx: 'picture.onnx',
    input: 'picture',
    output: 'embedding',
    picture: {
      width: 1,
      height: 1,
      channels: 'RGB',
      background: '#ffffff',
      scale: 1 / 255,
      mean: [0, 0, 0],
      std: [1, 1, 1],
    },
    index,
  };
  const bundle = vectorBundle('1.0', { rows: 2, columns: 2, values: [1, 0, 0, 1] });
  const manifest: unknown = { ...JSON.parse(manifestOf(bundle)), documents };
  const onnx = pictureOnnx({ rows: 3, columns: 2, values: [1, 0, 0, 1, 0, 0] }, 1, 1);
  return { ...bundle, 'bundle.json': JSON.stringify(manifest), 'picture.onnx': onnx };
}

async function pictureDataset(): Promise<Files> {
  const pixel = (colour: string) =>
    sharp({ create: { width: 1, height: 1, channels: 3, background: colour } })
      .png()
      .toBuffer();
  return tinyDataset({
    'corpus.jsonl': '{"_id":"red","picture":"red.png"}\n{"_id":"green","picture":"green.png"}\n',
    'qrels/test.tsv': 'q1\tred\t1\n',
    'red.png': await pixel('#ff0000'),
    'green.png': await pixel('#00ff00'),
  });
}
