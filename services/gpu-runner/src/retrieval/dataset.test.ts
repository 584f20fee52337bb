import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type Files, tinyDataset, writeFiles } from '../testing/tiny-bundle.ts';
import { readDataset } from './dataset.ts';

const root = mkdtempSync(join(tmpdir(), 'dataset-'));
after(() => rmSync(root, { recursive: true }));
let made = 0;
const read = (change: Files = {}) => readDataset(writeFiles(join(root, String(++made)), tinyDataset(change)));

describe('a dataset in BEIR form', () => {
  it('is read whole', () => {
    const dataset = read();
    assert.deepEqual(
      dataset.documents.map(({ _id }) => _id),
      ['left', 'middle', 'right'],
    );
    assert.deepEqual(
      dataset.queries.map(({ text }) => text),
      ['left', 'middle', 'nothing'],
    );
    assert.equal(dataset.qrels.get('q1')?.get('left'), 2);
  });

  it('may leave the header of qrels out and end lines as Windows does', () => {
    assert.equal(read({ 'qrels/test.tsv': 'q1\tleft\t-1\r\n' }).qrels.get('q1')?.get('left'), -1);
  });

  const cases: Record<string, [Files, RegExp]> = {
    'a query that does not exist': [{ 'qrels/test.tsv': 'q9\tleft\t1\n' }, /qrels\/test.tsv:1: query q9 is not in/],
    'a document that does not exist': [
      { 'qrels/test.tsv': 'query-id\tcorpus-id\tscore\nq1\tup\t1\n' },
      /qrels\/test.tsv:2: document up is not in corpus.jsonl; add it or drop this line/,
    ],
    'a grade given twice': [
      { 'qrels/test.tsv': 'q1\tleft\t1\nq1\tleft\t2\n' },
      /test.tsv:2: query q1 grades document left/,
    ],
    'a grade that is no integer': [{ 'qrels/test.tsv': 'q1\tleft\thigh\n' }, /test.tsv:1: expected query-id/],
    'a line without tabs': [{ 'qrels/test.tsv': 'q1 left 1\n' }, /test.tsv:1: expected query-id/],
    'no grades': [{ 'qrels/test.tsv': 'query-id\tcorpus-id\tscore\n' }, /qrels\/test.tsv: holds no grade/],
    'a document id twice': [
      { 'corpus.jsonl': '{"_id":"left"}\n\n{"_id":"left"}\n' },
      /corpus.jsonl:3: .*stands in line 1/,
    ],
    'a query id twice': [{ 'queries.jsonl': '{"_id":"q1"}\n{"_id":"q1"}\n' }, /queries.jsonl:2: the query id q1/],
    'a broken line': [{ 'queries.jsonl': '{"_id":"q1"}\n{"_id":\n' }, /queries.jsonl:2: is no JSON/],
    'a line without id': [{ 'corpus.jsonl': '{"text":"x"}\n' }, /corpus.jsonl:1: _id/],
    'an empty corpus': [{ 'corpus.jsonl': '\n' }, /corpus.jsonl: holds no document/],
    'a missing picture': [
      { 'corpus.jsonl': '{"_id":"left","picture":"gone.png"}\n' },
      /corpus.jsonl:1: document left names the picture gone.png, which does not exist/,
    ],
    'a picture outside': [{ 'corpus.jsonl': '{"_id":"left","picture":"../x.png"}\n' }, /corpus.jsonl:1: picture/],
    'a split without grades': [
      { 'dataset.json': '{"schema":"conclave.dataset/v1","name":"tiny","split":"dev"}' },
      /qrels\/dev.tsv: cannot be read/,
    ],
    'an unknown schema': [{ 'dataset.json': '{"schema":"v2"}' }, /dataset.json: schema/],
  };
  for (const [name, [change, message]] of Object.entries(cases)) {
    it(`refuses ${name}`, () => {
      assert.throws(() => read(change), message);
      assert.throws(() => read(change), { code: 'CVE_DATASET_INVALID' });
    });
  }
});
