import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fittedExponent, median, spread } from './statistics.ts';

const counts = [100, 300, 1000, 3000, 10_000];

test('finds the exponent that made the times', () => {
  for (const exponent of [0.9, 1, 1.3, 2]) {
    const rows = counts.map((actions) => ({ actions, seconds: 0.004 * actions ** exponent }));
    assert.ok(Math.abs((fittedExponent(rows) ?? Number.NaN) - exponent) < 1e-9);
  }
});

test('finds an exponent below 1 where a fixed cost weighs on small counts', () => {
  const rows = counts.map((actions) => ({ actions, seconds: 2 + 0.001 * actions }));
  assert.ok((fittedExponent(rows) ?? 1) < 0.5);
});

test('has no exponent for a single count', () => {
  assert.equal(fittedExponent([{ actions: 100, seconds: 1 }]), undefined);
  assert.equal(
    fittedExponent([
      { actions: 100, seconds: 1 },
      { actions: 100, seconds: 2 },
    ]),
    undefined,
  );
});

test('takes the middle of odd and even many values in any order', () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.throws(() => median([]), /no values/);
});

test('gives the spread as a share of the median', () => {
  assert.equal(spread([8, 10, 12]), 0.2);
  assert.equal(spread([7]), 0);
});
