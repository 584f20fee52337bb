import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDataset, validateDataset } from './dataset.ts';
import { type Files, inFolder } from './testing/in-folder.ts';

const DATASET: Files = {
  'dataset.json': JSON.stringify({ schema: 'conclave.dataset/v1', name: 'tiny', split: 'test' }),
  'corpus.jsonl': '{"_id":"left","text":"cat"}\n{"_id":"right","picture":"p/right.png"}\n',
  'queries.jsonl': '{"_id":"q1","text":"cat"}\n{"_id":"q2","text":"dog"}\n',
  'qrels/test.tsv': 'query-id\tcorpus-id\tscore\nq1\tleft\t2\n',
  'p/right.png': 'png',
};
const read = (change: Files = {}) => inFolder({ ...DATASET, ...change }, readDataset);
const validate = (change: Files = {}) => inFolder({ ...DATASET, ...change }, validateDataset);

describe('a dataset in BEIR form', () => {
  it('is read whole', () => {
    const dataset = read();
    assert.deepEqual(
      dataset.documents.map(({ _id }) => _id),
      ['left', 'right'],
    );
    assert.deepEqual(
      dataset.queries.map(({ text }) => text),
      ['cat', 'dog'],
    );
    assert.equal(dataset.qrels.get('q1')?.get('left'), 2);
    assert.deepEqual(validate().manifest, dataset.manifest);
  });

  it('may leave the header of qrels out and end lines as Windows does', () => {
    assert.equal(read({ 'qrels/test.tsv': 'q1\tleft\t-1\r\n' }).qrels.get('q1')?.get('left'), -1);
  });

  it('without a relevant document can be searched, not measured with', () => {
    const none = { 'qrels/test.tsv': 'q1\tleft\t0\n' };
    assert.equal(read(none).qrels.size, 1);
    assert.throws(() => validate(none), /^ConclaveError: CVE_DATASET_INVALID: .*marks no document as relevant/);
  });

  it('with a grade whose gain is not exact can be searched, not measured with', () => {
    const graded = (grade: number) => ({ 'qrels/test.tsv': `q1\tleft\t1\nq2\tright\t${grade}\n` });
    assert.equal(validate(graded(53)).qrels.get('q2')?.get('right'), 53);
    assert.equal(read(graded(54)).qrels.get('q2')?.get('right'), 54);
    for (const grade of [54, 1024])
      assert.throws(
        () => validate(graded(grade)),
        new RegExp(
          `CVE_DATASET_INVALID: \\S*qrels/test.tsv: grades document "right" for query "q2" with ${grade}; .* at most 53`,
        ),
      );
  });

  const refusals: Record<string, [Files, RegExp]> = {
    'a grade of an unknown document': [
      { 'qrels/test.tsv': 'query-id\tcorpus-id\tscore\nq1\tup\t1\n' },
      /^CVE_DATASET_INVALID: \S*qrels\/test\.tsv:2: document "up" is not in corpus\.jsonl; add/,
    ],
    'a grade of an unknown query': [
      { 'qrels/test.tsv': 'q9\tleft\t1\n' },
      /qrels\/test\.tsv:1: query "q9" is not in queries\.jsonl; add/,
    ],
    'a grade given twice': [
      { 'qrels/test.tsv': 'q1\tleft\t1\nq1\tleft\t2\n' },
      /test\.tsv:2: document "left" is graded for query "q1" already in line 1; keep one/,
    ],
    'a grade that is no integer': [
      { 'qrels/test.tsv': 'q1\tleft\thigh\n' },
      /test\.tsv:1: is "q1\tleft\thigh"; write query-id/,
    ],
    'a grade with a fourth column': [{ 'qrels/test.tsv': 'q1\t0\tleft\t1\n' }, /test\.tsv:1: is "q1\t0\tleft\t1"/],
    'a grade without tabs': [{ 'qrels/test.tsv': 'q1 left 1\n' }, /test\.tsv:1: is "q1 left 1"; write query-id/],
    'no grades': [{ 'qrels/test.tsv': 'query-id\tcorpus-id\tscore\n' }, /qrels\/test\.tsv: holds no grade/],
    'a document id twice': [
      { 'corpus.jsonl': '{"_id":"left"}\n\n{"_id":"left"}\n' },
      /corpus\.jsonl:3: the document id "left" already stands in line 1/,
    ],
    'a query id twice': [
      { 'queries.jsonl': '{"_id":"q1"}\n{"_id":"q1"}\n' },
      /queries\.jsonl:2: the query id "q1" already stands in line 1/,
    ],
    'a line that is no JSON': [{ 'queries.jsonl': '{"_id":"q1"}\n{oops\n' }, /queries\.jsonl:2: is not JSON/],
    'a line without id': [{ 'corpus.jsonl': '{"text":"x"}\n' }, /corpus\.jsonl:1: _id/],
    'an empty corpus': [{ 'corpus.jsonl': '\n' }, /corpus\.jsonl: holds no document/],
    'a missing picture': [
      { 'corpus.jsonl': '{"_id":"left","picture":"gone.png"}\n' },
      /corpus\.jsonl:1: document "left" names the picture "gone\.png", which does not exist/,
    ],
    'a folder as picture': [{ 'corpus.jsonl': '{"_id":"left","picture":"p"}\n' }, /corpus\.jsonl:1: .*"p", which does/],
    'a picture outside the folder': [
      { 'corpus.jsonl': '{"_id":"left","picture":"../x.png"}\n' },
      /corpus\.jsonl:1: picture: must be a relative path without \.\. \(got "\.\.\/x\.png"\)/,
    ],
    'a split without grades': [
      { 'dataset.json': '{"schema":"conclave.dataset/v1","name":"tiny","split":"dev"}' },
      /qrels\/dev\.tsv: cannot be read/,
    ],
    'a split that leads elsewhere': [
      { 'dataset.json': '{"schema":"conclave.dataset/v1","name":"tiny","split":"../../test"}' },
      /dataset\.json: split: must be letters, digits and \. _ -, without \.\. \(got "\.\.\/\.\.\/test"\)/,
    ],
    'a split with dots in a row': [
      { 'dataset.json': '{"schema":"conclave.dataset/v1","name":"tiny","split":"a..b"}' },
      /dataset\.json: split: must be/,
    ],
    'an unknown schema': [{ 'dataset.json': '{"schema":"v2"}' }, /dataset\.json: schema/],
  };
  for (const [name, [change, message]] of Object.entries(refusals)) {
    it(`is refused for ${name}, with its place, its value and the way out`, () => {
      assert.throws(() => read(change), { code: 'CVE_DATASET_INVALID', message });
    });
  }
});
