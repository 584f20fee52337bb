import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { bootstrapMean } from './bootstrap.ts';
import { lossPValue } from './permutation.ts';
import { seededRandom } from './random.ts';

describe('percentile bootstrap of a mean', () => {
  it('comes close to the normal interval for many values', () => {
    const random = seededRandom('values');
    const values = Array.from({ length: 600 }, () => random());
    const { value, low, high } = bootstrapMean(values, 'seed');
    // Standard error of a mean of 600 uniform values: 1 / sqrt(12 * 600) = 0.01179
    assert.ok(Math.abs(value - low - 1.96 * 0.01179) < 0.002, `low ${low}`);
    assert.ok(Math.abs(high - value - 1.96 * 0.01179) < 0.002, `high ${high}`);
  });

  it('has no width for equal values and is repeatable by its seed', () => {
    assert.deepEqual(bootstrapMean([0.5, 0.5, 0.5], 'a'), { value: 0.5, low: 0.5, high: 0.5 });
    assert.deepEqual(bootstrapMean([0, 1, 1, 0.2], 'a'), bootstrapMean([0, 1, 1, 0.2], 'a'));
    assert.throws(() => bootstrapMean([], 'a'), RangeError);
  });

  it('contains its mean, within the range of the values', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 20 }), (values) => {
        const { value, low, high } = bootstrapMean(values, 'seed');
        return low <= value + 1e-9 && value <= high + 1e-9 && low >= Math.min(...values) - 1e-9;
      }),
      { numRuns: 20 },
    );
  });
});

describe('paired permutation test for a loss', () => {
  it('is 1 where nothing differs', () => {
    assert.equal(lossPValue([], 'a'), 1);
    assert.equal(lossPValue([0, 0, 0], 'a'), 1);
  });

  it('agrees with the exact distribution of few pairs', () => {
    // Five losses of 0.1: only one of 32 sign patterns is as low.
    assert.ok(Math.abs(lossPValue([-0.1, -0.1, -0.1, -0.1, -0.1], 'a') - 1 / 32) < 0.006);
    // Four losses, one gain: six of 32 patterns are as low.
    assert.ok(Math.abs(lossPValue([-0.1, -0.1, -0.1, -0.1, 0.1], 'a') - 6 / 32) < 0.012);
  });

  it('is small for a consistent loss, near 1 for a consistent gain, and repeatable', () => {
    const losses = Array.from({ length: 100 }, (_, i) => -0.02 - i / 10_000);
    assert.equal(lossPValue(losses, 'a'), 1 / 10_001);
    assert.ok(
      lossPValue(
        losses.map((d) => -d),
        'a',
      ) > 0.999,
    );
    const mixed = Array.from({ length: 50 }, (_, i) => Math.sin(i) / 10);
    assert.equal(lossPValue(mixed, 'b'), lossPValue(mixed, 'b'));
  });
});
