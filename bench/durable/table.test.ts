import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Figures } from './figures.ts';
import { type Report, ratio, standingOf, targets } from './report.ts';
import { alignedTable, renderReport } from './table.ts';

const figuresOf = (name: string, secondsPerAction: number, counts = [100, 1000]): Figures => ({
  name,
  rows: counts.map((actions) => ({ actions, seconds: actions * secondsPerAction })),
  oneActionMs: secondsPerAction * 1000,
  note: `the note of ${name}`,
});

const report: Report = {
  machine: 'a machine',
  rounds: 3,
  standings: [
    standingOf('raw', [figuresOf('raw appends', 0.001)]),
    standingOf('conclave', [figuresOf('Conclave', 0.0015), figuresOf('Conclave', 0.002), figuresOf('Conclave', 0.01)]),
    standingOf('dbos', [figuresOf('DBOS', 0.004, [100])]),
  ],
  signatures: undefined,
  leftOut: [{ id: 'bullmq', reason: 'no server for it on this machine' }],
};

test('takes the median of the rounds, with half the range as spread', () => {
  const [, conclave] = report.standings;
  assert.deepEqual(
    conclave?.rows.map(({ actions, seconds, actionsPerSecond }) => [actions, seconds, Math.round(actionsPerSecond)]),
    [
      [100, 0.2, 500],
      [1000, 2, 500],
    ],
  );
  assert.equal(conclave?.rows[0]?.spread.toFixed(3), '2.125');
  assert.equal(conclave?.oneActionMs, 2);
  assert.equal(conclave?.exponent?.toFixed(6), '1.000000');
});

test('compares two contestants at the largest count that both have', () => {
  const [raw, conclave, dbos] = report.standings;
  assert.ok(raw && conclave && dbos);
  assert.equal(ratio(conclave, raw), 0.5);
  assert.equal(ratio(conclave, dbos)?.toFixed(6), '2.000000');
  assert.equal(ratio(conclave, { ...dbos, rows: [] }), undefined);
});

test('says of each target whether it is met, and nothing of what was not measured', () => {
  assert.deepEqual(targets(report), [
    { text: 'exponent 1.00, at most 1.05', isMet: true },
    { text: "0.50 of the raw appends' rate, at least 0.5 (aim 0.7)", isMet: true },
    { text: '2.00 times the rate of DBOS, ahead of it', isMet: true },
  ]);
  assert.deepEqual(targets({ ...report, standings: report.standings.slice(0, 1) }), []);
  const signatures = {
    unsignedPerSecond: 1000,
    signedPerSecond: 880,
    journalPerSecond: 800,
    costOfRaw: 0.13,
    cost: 0.12,
    costFrom: 0.1,
    costTo: 0.14,
    signatureMicroseconds: 40,
    note: 'x',
  };
  const missed = targets({ ...report, standings: [], signatures });
  assert.deepEqual(missed, [{ text: 'signatures take 12.0% of the append rate, at most 10%', isMet: false }]);
});

test('prints a row per contestant, a dash where it has no figure, and what was left out', () => {
  const text = renderReport(report);
  assert.match(text, /^DBOS +0\.40 ±0\.0% +- +- +4\.0 ms$/m);
  assert.match(text, /^Conclave +500 +500 +0\.50 +1\.00$/m);
  assert.match(text, /Raw appends reach 3000 appends per second/);
  assert.match(text, /^ {2}bullmq: no server for it on this machine$/m);
  assert.match(text, /^ {2}Conclave: the note of Conclave$/m);
  assert.match(text, /^Not measured:$/m);
});

test('aligns the first column to the left and the others to the right', () => {
  assert.equal(
    alignedTable([
      ['a', '100', '2'],
      ['longer', '7', '30'],
    ]),
    ['a       100   2', 'longer    7  30'].join('\n'),
  );
});
