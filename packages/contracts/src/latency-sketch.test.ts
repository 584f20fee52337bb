import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addLatency, emptySketch, latencySketch, mergeSketches, quantile, quantileInterval } from './latency-sketch.ts';

const latencies = fc.array(fc.double({ min: 0.002, max: 60_000, noNaN: true }), { minLength: 1, maxLength: 300 });

function sketchOf(values: readonly number[]) {
  const sketch = emptySketch();
  for (const value of values) addLatency(sketch, value);
  return sketch;
}

test('every quantile is within 1% of the exact one', () => {
  fc.assert(
    fc.property(latencies, fc.double({ min: 0, max: 1, noNaN: true }), (values, q) => {
      const sorted = values.toSorted((a, b) => a - b);
      const exact = sorted[Math.max(1, Math.ceil(q * values.length)) - 1] ?? Number.NaN;
      const found = quantile(sketchOf(values), q) ?? Number.NaN;
      assert.ok(Math.abs(found - exact) <= exact * 0.0101, `${found} for ${exact}`);
    }),
  );
});

test('merging loses nothing, in either order', () => {
  fc.assert(
    fc.property(latencies, latencies, (a, b) => {
      assert.deepEqual(mergeSketches(sketchOf(a), sketchOf(b)), sketchOf([...a, ...b]));
      assert.equal(mergeSketches(sketchOf(b), sketchOf(a)).count, a.length + b.length);
    }),
  );
});

test('the interval holds the estimate and a wider level gives a wider one', () => {
  fc.assert(
    fc.property(latencies, (values) => {
      const sketch = sketchOf(values);
      const value = quantile(sketch, 0.95) ?? Number.NaN;
      const at95 = quantileInterval(sketch, 0.95) ?? assert.fail();
      const at999 = quantileInterval(sketch, 0.95, 3.29) ?? assert.fail();
      assert.ok(at95.low <= value && value <= at95.high);
      assert.ok(at999.low <= at95.low && at95.high <= at999.high);
    }),
  );
});

test('the 95% interval of P95 covers it in about 95 of 100 draws', () => {
  // Exponential latencies with mean 10 ms: the true P95 is 10 ln 20 = 29.957 ms.
  let state = 12345;
  const uniform = (): number => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return (state + 1) / 2147483649;
  };
  let covered = 0;
  for (let draw = 0; draw < 400; draw++) {
    const interval =
      quantileInterval(sketchOf(Array.from({ length: 400 }, () => -10 * Math.log(uniform()))), 0.95) ?? assert.fail();
    if (interval.low <= 29.957 && 29.957 <= interval.high) covered++;
  }
  assert.ok(covered >= 370, `covered ${covered} of 400`);
});

test('an empty sketch knows nothing, and nonsense is refused', () => {
  assert.equal(quantile(emptySketch(), 0.95), undefined);
  assert.equal(quantileInterval(emptySketch(), 0.95), undefined);
  assert.throws(() => addLatency(emptySketch(), Number.NaN), RangeError);
  assert.throws(() => addLatency(emptySketch(), -1), RangeError);
});

test('it survives JSON', () => {
  const sketch = sketchOf([0.0001, 1, 50, 60_000]);
  assert.deepEqual(latencySketch.parse(JSON.parse(JSON.stringify(sketch))), sketch);
});
