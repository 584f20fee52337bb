import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ndcgAt, ndcgByQuery, type Retrieved } from './ndcg.ts';

const close = (actual: number | undefined, expected: number) =>
  assert.ok(actual !== undefined && Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`);
const ranked = (...ids: string[]): Retrieved[] => ids.map((id, index) => ({ id, score: 1 - index / 100 }));
const grades = (object: Record<string, number>) => new Map(Object.entries(object));

describe('NDCG in trec_eval’s form, against values computed by hand', () => {
  it('takes the grade as gain and discounts by log2(rank + 1)', () => {
    // DCG 1/log2(2) + 2/log2(3) = 2.2618595; ideal 2/log2(2) + 1/log2(3) = 2.6309298
    close(ndcgAt(10, ranked('a', 'b'), grades({ a: 1, b: 2 }), 'linear'), 0.8597186998521972);
  });

  it('takes 2^grade - 1 as gain in the exponential form', () => {
    // DCG 1 + 3/log2(3) = 2.8927893; ideal 3 + 1/log2(3) = 3.6309298
    close(ndcgAt(10, ranked('a', 'b'), grades({ a: 1, b: 2 }), 'exponential'), 0.7967075809905066);
  });

  it('normalises by all judged relevant documents, retrieved or not', () => {
    // DCG 1; ideal 1 + 1/log2(3) = 1.6309298
    close(ndcgAt(10, ranked('a', 'x'), grades({ a: 1, never: 1 }), 'linear'), 0.6131471927654584);
  });

  it('cuts the ideal ranking at k too', () => {
    close(ndcgAt(1, ranked('a'), grades({ a: 1, b: 1, c: 1 }), 'linear'), 1);
  });

  it('gives an unjudged document no gain but its rank', () => {
    // 1/log2(3)
    close(ndcgAt(10, ranked('unjudged', 'a'), grades({ a: 1 }), 'linear'), 0.6309297535714575);
  });

  it('orders equal scores by document id, descending', () => {
    const tied = [
      { id: 'a', score: 0.5 },
      { id: 'b', score: 0.5 },
    ];
    close(ndcgAt(10, tied, grades({ b: 1 }), 'linear'), 1);
    close(ndcgAt(10, tied, grades({ a: 1 }), 'linear'), 0.6309297535714575);
    close(ndcgAt(1, tied, grades({ a: 1 }), 'linear'), 0);
  });

  it('treats negative grades as not relevant', () => {
    close(ndcgAt(10, ranked('junk', 'a'), grades({ a: 1, junk: -2 }), 'linear'), 0.6309297535714575);
    assert.equal(ndcgAt(10, ranked('junk'), grades({ junk: -1, x: 0 }), 'linear'), undefined);
  });

  it('leaves out and counts queries without a relevant document, and scores an empty ranking 0', () => {
    const qrels = new Map([
      ['good', grades({ a: 1 })],
      ['nothing-relevant', grades({ a: 0 })],
      ['nothing-found', grades({ a: 1 })],
    ]);
    const run = new Map([
      ['good', ranked('a')],
      ['nothing-relevant', ranked('a')],
    ]);
    const queryIds = ['good', 'nothing-relevant', 'not-judged', 'nothing-found'];
    assert.deepEqual(ndcgByQuery(10, queryIds, run, qrels, 'linear'), {
      values: [1, 0],
      ids: ['good', 'nothing-found'],
      emptyQueries: 2,
    });
  });

  it('lies between 0 and 1 and is 1 for the ideal ranking', () => {
    const judged = fc.dictionary(fc.string({ minLength: 1 }), fc.integer({ min: -1, max: 3 }), { minKeys: 1 });
    fc.assert(
      fc.property(judged, fc.constantFrom<'linear' | 'exponential'>('linear', 'exponential'), (object, gain) => {
        const map = grades(object);
        const ideal = [...map].map(([id, grade]) => ({ id, score: grade }));
        const best = ndcgAt(10, ideal, map, gain);
        const worst = ndcgAt(
          10,
          ideal.map(({ id, score }) => ({ id, score: -score })),
          map,
          gain,
        );
        if (best === undefined || worst === undefined) return best === worst;
        return Math.abs(best - 1) < 1e-12 && worst >= 0 && worst <= 1 + 1e-12;
      }),
    );
  });
});
