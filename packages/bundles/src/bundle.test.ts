import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBundle, readDocumentIds, validateBundle } from './bundle.ts';
import { type Files, inFolder } from './testing/in-folder.ts';

/** A protocol-buffer field with bytes inside, or a number. */
function field(number: number, content: Uint8Array | number): Uint8Array {
  if (typeof content === 'number') return Uint8Array.of(number << 3, content);
  return Uint8Array.of((number << 3) | 2, content.length, ...content);
}
const named = (name: string): Uint8Array => field(1, new TextEncoder().encode(name));
const graph = Uint8Array.of(...field(11, named('ids')), ...field(12, named('embedding')));
const ONNX = Uint8Array.of(...field(1, 8), ...field(7, graph), ...field(8, field(2, 17)));
const MANIFEST = {
  schema: 'conclave.bundle/v1',
  model: 'tiny',
  version: '1.0',
  task: 'retrieval',
  embedding: { dimensions: 2 },
  query: {
    kind: 'text',
    onnx: 'text.onnx',
    tokenizer: { kind: 'hashed-ngrams', buckets: 8, maxTokens: 4, ngrams: [3] },
    input: 'ids',
    output: 'embedding',
  },
  documents: { kind: 'embeddings', vectors: 'vectors.bin', ids: 'ids.txt' },
};
const BUNDLE = {
  'bundle.json': JSON.stringify(MANIFEST),
  'text.onnx': ONNX,
  'vectors.bin': new Uint8Array(16),
  'ids.txt': 'd1\nd2\n',
};

test('a whole bundle gives its manifest', () => {
  assert.equal(inFolder(BUNDLE, validateBundle).version, '1.0');
});

const refusals: readonly (readonly [name: string, files: Files, message: RegExp])[] = [
  [
    'a folder without a manifest',
    {},
    /^CVE_BUNDLE_INVALID: \S*bundle\.json: cannot be read .*a model bundle has a bundle\.json/,
  ],
  [
    'a manifest with a wrong value',
    { ...BUNDLE, 'bundle.json': JSON.stringify({ ...MANIFEST, version: '1 0' }) },
    /bundle\.json: version: must be letters.*\(got "1 0"\)/,
  ],
  [
    'pictures divided by zero',
    {
      ...BUNDLE,
      'bundle.json': JSON.stringify({
        ...MANIFEST,
        documents: {
          kind: 'pictures',
          onnx: 'text.onnx',
          input: 'ids',
          output: 'embedding',
          index: 'on_load',
          picture: {
            width: 1,
            height: 1,
            channels: 'RGB',
            background: '#ffffff',
            scale: 1,
            mean: [0, 0, 0],
            std: [1, 0, 1],
          },
        },
      }),
    },
    /bundle\.json: documents\.picture\.std\.1: must not be 0, pixels are divided by it/,
  ],
  [
    'a file that is not there',
    { ...BUNDLE, 'bundle.json': JSON.stringify({ ...MANIFEST, query: { ...MANIFEST.query, onnx: 'none.onnx' } }) },
    /none\.onnx: does not exist, but query\.onnx of bundle\.json names it/,
  ],
  [
    'an ONNX file that was cut off',
    { ...BUNDLE, 'text.onnx': ONNX.subarray(0, 12) },
    /^CVE_BUNDLE_ONNX_INVALID: \S*text\.onnx: .*it was cut off: copy it again/,
  ],
  ['a file that is no ONNX', { ...BUNDLE, 'text.onnx': 'hello' }, /CVE_BUNDLE_ONNX_INVALID: \S*text\.onnx: /],
  [
    'a Git LFS pointer',
    { ...BUNDLE, 'text.onnx': 'version https://git-lfs.github.com/spec/v1\n' },
    /Git LFS pointer.*git lfs pull/,
  ],
  [
    'an input that the model has not',
    { ...BUNDLE, 'bundle.json': JSON.stringify({ ...MANIFEST, query: { ...MANIFEST.query, input: 'tokens' } }) },
    /has no input "tokens" \(it has: ids\); correct query\.input/,
  ],
  [
    'embeddings of another size',
    { ...BUNDLE, 'vectors.bin': new Uint8Array(12) },
    /vectors\.bin: has 12 bytes, but 2 ids of ids\.txt x 2 dimensions x 4 bytes are 16/,
  ],
  [
    'a document id that stands twice',
    { ...BUNDLE, 'ids.txt': 'd1\nd1\n' },
    /ids\.txt:2: the id "d1" already stands in line 1; ids must be unique/,
  ],
  ['an empty document id', { ...BUNDLE, 'ids.txt': 'd1\n\nd2\n' }, /ids\.txt:2: is empty; write one document id/],
  [
    'an empty list of document ids',
    { ...BUNDLE, 'ids.txt': '', 'vectors.bin': '' },
    /ids\.txt: holds no document id; write one a line/,
  ],
];
for (const [name, files, message] of refusals) {
  test(`${name} is refused with its place, its value and the way out`, () => {
    assert.throws(() => inFolder(files, validateBundle), { message });
  });
}

test('document ids are given in row order, ends of lines as Windows writes them included', () => {
  assert.deepEqual(
    inFolder({ 'ids.txt': 'd1\r\nd2\r\n' }, (dir) => readDocumentIds(dir, 'ids.txt')),
    ['d1', 'd2'],
  );
});

test('reading leaves what an ONNX file holds to the runtime that opens it', () => {
  assert.equal(inFolder({ ...BUNDLE, 'text.onnx': 'hello' }, readBundle).version, '1.0');
});
