import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { splitPoint } from './split.ts';

describe('sticky split', () => {
  it('gives a key the same point every time, and each model points of its own', () => {
    assert.equal(splitPoint('emoji-search', 'client-1'), splitPoint('emoji-search', 'client-1'));
    assert.notEqual(splitPoint('emoji-search', 'client-1'), splitPoint('other', 'client-1'));
  });

  it('gives every key a point from 0 to below 1', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (model, key) => {
        const point = splitPoint(model, key);
        return point >= 0 && point < 1;
      }),
    );
  });

  for (const share of [0.05, 0.2, 0.5]) {
    it(`sends ${share} of the keys to the candidate, within four standard deviations`, () => {
      const n = 20_000;
      const counts = Array.from({ length: n }, (_, i) => splitPoint('emoji-search', `client-${i}`) < share);
      const measured = counts.filter(Boolean).length / n;
      assert.ok(Math.abs(measured - share) < 4 * Math.sqrt((share * (1 - share)) / n), `${measured}`);
    });
  }
});
