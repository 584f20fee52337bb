import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { splitPoint } from './split.ts';

describe('sticky split', () => {
  it('gives a key the same point every time, and each model points of its own', () => {
    assert.equal(splitPoint('emoji-search', 'client-1'), splitPoint('emoji-search', 'client-1'));
    assert.notEqual(splitPoint('emoji-search', 'client-1'), splitPoint('other', 'client-1'));
  });

  it('keeps those on the candidate there when the share rises', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.string(), share, share, (key, a, b) => {
        const point = splitPoint('emoji-search', key);
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        return point >= 0 && point < 1 && !(point < low && point >= high);
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
