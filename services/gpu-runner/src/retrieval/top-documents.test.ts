import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compareRetrieved } from '../statistics/ndcg.ts';
import { openDotProducts } from './dot-products.ts';
import { topDocuments } from './top-documents.ts';

describe('the best documents', () => {
  it('are those that a full sort puts first, ties included', () => {
    const scores = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 60 });
    fc.assert(
      fc.property(scores, fc.integer({ min: 1, max: 70 }), (values, k) => {
        const all = values.map((score, i) => ({ id: `d${i}`, score }));
        const expected = [...all].sort(compareRetrieved).slice(0, k);
        const ids = all.map(({ id }) => id);
        assert.deepEqual(topDocuments(ids, Float32Array.from(values), k), expected);
      }),
    );
  });

  it('are scored by dot products', async () => {
    const products = await openDotProducts(3);
    const documents = { ids: ['a', 'b'], dimensions: 3, vectors: Float32Array.from([1, 2, 3, -1, 0, 0.5]) };
    assert.deepEqual([...(await products.score(Float32Array.from([1, 10, 100]), documents))], [321, 49]);
    await products.release();
  });
});
