import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { validateBundle } from './bundle.ts';
import { validateDataset } from './dataset.ts';

const DATASET = {
  'dataset.json': JSON.stringify({ schema: 'conclave.dataset/v1', name: 'tiny', split: 'test' }),
  'corpus.jsonl': '{"_id":"d1","text":"cat"}\n{"_id":"d2","picture":"p/d2.png"}\n',
  'queries.jsonl': '{"_id":"q1","text":"cat"}\n',
  'qrels/test.tsv': 'query-id\tcorpus-id\tscore\nq1\td1\t2\n',
  'p/d2.png': 'png',
};

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

type Files = Readonly<Record<string, string | Uint8Array>>;

function inFolder<T>(files: Files, work: (dir: string) => T): T {
  const dir = mkdtempSync(join(tmpdir(), 'conclave-cli-'));
  try {
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(dir, name)), { recursive: true });
      writeFileSync(join(dir, name), content);
    }
    return work(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

test('a whole dataset is counted', () => {
  const { documents, queries, grades } = inFolder(DATASET, validateDataset);
  assert.deepEqual([documents, queries, grades], [2, 1, 1]);
});

test('a whole bundle gives its manifest', () => {
  assert.equal(inFolder(BUNDLE, validateBundle).version, '1.0');
});

const refusals: readonly (readonly [name: string, check: (dir: string) => unknown, files: Files, message: RegExp])[] = [
  [
    'a grade of an unknown document',
    validateDataset,
    { ...DATASET, 'qrels/test.tsv': 'query-id\tcorpus-id\tscore\nq1\td9\t1\n' },
    /^CVE_DATASET_INVALID: \S*qrels\/test\.tsv:2: document "d9" is not in corpus\.jsonl; add/,
  ],
  [
    'a grade of an unknown query',
    validateDataset,
    { ...DATASET, 'qrels/test.tsv': 'q7\td1\t1\n' },
    /qrels\/test\.tsv:1: query "q7" is not in queries\.jsonl; add/,
  ],
  [
    'a grade that is no number',
    validateDataset,
    { ...DATASET, 'qrels/test.tsv': 'q1\td1\tgood\n' },
    /qrels\/test\.tsv:1: is "q1\td1\tgood"; write query-id/,
  ],
  [
    'grades without a relevant document',
    validateDataset,
    { ...DATASET, 'qrels/test.tsv': 'q1\td1\t0\n' },
    /marks no document as relevant/,
  ],
  [
    'a missing picture',
    validateDataset,
    { ...DATASET, 'corpus.jsonl': '{"_id":"d1"}\n{"_id":"d2","picture":"p/none.png"}\n' },
    /corpus\.jsonl:2: names the picture "p\/none\.png", which does not exist/,
  ],
  [
    'a line that is no JSON',
    validateDataset,
    { ...DATASET, 'queries.jsonl': '{"_id":"q1"}\n{oops\n' },
    /queries\.jsonl:2: is not JSON/,
  ],
  [
    'an id that stands twice',
    validateDataset,
    { ...DATASET, 'queries.jsonl': '{"_id":"q1"}\n{"_id":"q1"}\n' },
    /queries\.jsonl:2: the id "q1" already stands in line 1/,
  ],
  [
    'a picture outside the folder',
    validateDataset,
    { ...DATASET, 'corpus.jsonl': '{"_id":"d1","picture":"../x.png"}\n' },
    /corpus\.jsonl:1: picture: must be a relative path without \.\. \(got "\.\.\/x\.png"\)/,
  ],
  [
    'a folder without a manifest',
    validateBundle,
    {},
    /^CVE_BUNDLE_INVALID: \S*bundle\.json: cannot be read .*a model bundle has a bundle\.json/,
  ],
  [
    'a manifest with a wrong value',
    validateBundle,
    { ...BUNDLE, 'bundle.json': JSON.stringify({ ...MANIFEST, version: '1 0' }) },
    /bundle\.json: version: must be letters.*\(got "1 0"\)/,
  ],
  [
    'a file that is not there',
    validateBundle,
    { ...BUNDLE, 'bundle.json': JSON.stringify({ ...MANIFEST, query: { ...MANIFEST.query, onnx: 'none.onnx' } }) },
    /none\.onnx: does not exist, but query\.onnx of bundle\.json names it/,
  ],
  [
    'an ONNX file that was cut off',
    validateBundle,
    { ...BUNDLE, 'text.onnx': ONNX.subarray(0, 12) },
    /^CVE_BUNDLE_ONNX_INVALID: \S*text\.onnx: .*it was cut off: copy it again/,
  ],
  [
    'a file that is no ONNX',
    validateBundle,
    { ...BUNDLE, 'text.onnx': 'hello' },
    /CVE_BUNDLE_ONNX_INVALID: \S*text\.onnx: /,
  ],
  [
    'a Git LFS pointer',
    validateBundle,
    { ...BUNDLE, 'text.onnx': 'version https://git-lfs.github.com/spec/v1\n' },
    /Git LFS pointer.*git lfs pull/,
  ],
  [
    'an input that the model has not',
    validateBundle,
    { ...BUNDLE, 'bundle.json': JSON.stringify({ ...MANIFEST, query: { ...MANIFEST.query, input: 'tokens' } }) },
    /has no input "tokens" \(it has: ids\); correct query\.input/,
  ],
  [
    'embeddings of another size',
    validateBundle,
    { ...BUNDLE, 'vectors.bin': new Uint8Array(12) },
    /vectors\.bin: has 12 bytes, but 2 ids x 2 dimensions x 4 bytes are 16/,
  ],
];
for (const [name, check, files, message] of refusals) {
  test(`${name} is refused with its place, its value and the way out`, () => {
    inFolder(files, (dir) =>
      assert.throws(
        () => check(dir),
        (error: Error) => assert.match(error.message, message) ?? true,
      ),
    );
  });
}
