import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fnv1a32 } from '../retrieval/hashed-ngrams.ts';
import type { Matrix } from '../retrieval/onnx-writer.ts';
import { bagOfTokensOnnx, identity, linearOnnx } from './tiny-onnx.ts';

/*
 * A world small enough to check on paper: three documents `left`, `middle`, `right` with the unit vectors as embeddings.
 * A query's score for each document is the corresponding component of its embedding.
 */
export const DOCUMENTS = ['left', 'middle', 'right'] as const;

/** Files of a directory by path. */
export type Files = Readonly<Record<string, string | Uint8Array>>;

/** Writes files, making directories as needed. @returns the directory */
export function writeFiles(dir: string, files: Files): string {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), content);
  }
  return dir;
}

/** A BEIR dataset over the three documents: query q1 is about `left`, q2 about `middle`, q3 about nothing. */
export function tinyDataset(change: Files = {}): Files {
  const lines = (...objects: object[]) => `${objects.map((object) => JSON.stringify(object)).join('\n')}\n`;
  return {
    'dataset.json': JSON.stringify({ schema: 'conclave.dataset/v1', name: 'tiny', split: 'test' }),
    'corpus.jsonl': lines(...DOCUMENTS.map((_id) => ({ _id, text: _id }))),
    'queries.jsonl': lines(
      { _id: 'q1', text: 'left', vector: [1, 0, 0] },
      { _id: 'q2', text: 'middle', vector: [0, 1, 0] },
      { _id: 'q3', text: 'nothing', vector: [0, 0, 0] },
    ),
    'qrels/test.tsv': 'query-id\tcorpus-id\tscore\nq1\tleft\t2\nq2\tmiddle\t1\n',
    ...change,
  };
}

function embeddings(): Files {
  return {
    'documents.f32': new Uint8Array(Float32Array.from(identity(DOCUMENTS.length).values).buffer),
    'documents.txt': `${DOCUMENTS.join('\n')}\n`,
  };
}

const EMBEDDED = { kind: 'embeddings', vectors: 'documents.f32', ids: 'documents.txt' };

/** A bundle that takes vectors of three features; `weights` (default: unit matrix) turns them into embeddings. */
export function vectorBundle(version: string, weights: Matrix = identity(3), change: Files = {}): Files {
  const manifest = {
    schema: 'conclave.bundle/v1',
    model: 'tiny',
    version,
    task: 'retrieval',
    embedding: { dimensions: weights.columns },
    query: { kind: 'vector', onnx: 'query.onnx', features: weights.rows, input: 'query', output: 'embedding' },
    documents: EMBEDDED,
  };
  return { 'bundle.json': JSON.stringify(manifest), 'query.onnx': linearOnnx(weights), ...embeddings(), ...change };
}

/** Buckets of the text bundle's tokenizer: the documents' names fall into different ones. */
const BUCKETS = 1009;

/** A bundle that takes text: a document's name finds that document. `wrong` makes it find the next document instead. */
export function textBundle(version: string, options: { wrong?: boolean } = {}, change: Files = {}): Files {
  const values = Array.from({ length: (BUCKETS + 1) * 3 }, () => 0);
  for (const [index, name] of DOCUMENTS.entries()) {
    const bucket = 1 + (fnv1a32(`w:${name}`) % BUCKETS);
    values[bucket * 3 + ((index + (options.wrong === true ? 1 : 0)) % 3)] = 1;
  }
  const manifest = {
    schema: 'conclave.bundle/v1',
    model: 'tiny',
    version,
    task: 'retrieval',
    embedding: { dimensions: 3 },
    query: {
      kind: 'text',
      onnx: 'text.onnx',
      tokenizer: { kind: 'hashed-ngrams', buckets: BUCKETS, maxTokens: 4, ngrams: [] },
      input: 'tokens',
      output: 'embedding',
    },
    documents: EMBEDDED,
  };
  const onnx = bagOfTokensOnnx({ rows: BUCKETS + 1, columns: 3, values }, 4);
  return { 'bundle.json': JSON.stringify(manifest), 'text.onnx': onnx, ...embeddings(), ...change };
}
