import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LoadMeter, percentilesText } from './meter.ts';

const half = [
  { version: '1.0', asked: '50%' },
  { version: '1.1', asked: '50%' },
];

test('the split is measured since the asked one last changed', () => {
  const meter = new LoadMeter();
  meter.ask([{ version: '1.0', asked: '100%' }]);
  for (let i = 0; i < 100; i++) meter.answered('1.0', 1, 0);
  meter.ask(half);
  for (const version of ['1.0', '1.1', '1.1', '1.1']) meter.answered(version, 1, 0);
  meter.ask(half);
  assert.deepEqual(
    meter.split().map(({ version, asked, measured }) => [version, asked, measured]),
    [
      ['1.0', '50%', 0.25],
      ['1.1', '50%', 0.75],
    ],
  );
});

test('a version that answers without being asked to is shown', () => {
  const meter = new LoadMeter();
  meter.ask([{ version: '1.0', asked: '100%' }]);
  meter.answered('0.9', 1, 0);
  assert.deepEqual(meter.split().at(-1), { version: '0.9', asked: 'nothing', measured: 1 });
});

test('live percentiles forget what is ten seconds old, the whole does not', () => {
  const meter = new LoadMeter();
  meter.answered('1.0', 1000, 0);
  for (let second = 5; second < 12; second++) meter.answered('1.0', 2, second * 1000);
  assert.equal(meter.recent(11_000).count, 7);
  assert.equal(meter.whole.count, 8);
  assert.match(percentilesText(meter.recent(11_000)), /^P50 2\.0 ms {2}P95 2\.0 ms {2}P99 2\.0 ms$/);
  assert.equal(percentilesText(meter.recent(60_000)), 'no answer');
});
