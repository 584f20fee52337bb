import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseOptions } from './options.ts';

test('measures every contestant three times at five counts unless told otherwise', () => {
  assert.deepEqual(parseOptions([]), { counts: [100, 300, 1000, 3000, 10_000], rounds: 3, only: [], json: undefined });
});

test('takes counts, rounds, contestants and a file', () => {
  const args = ['--counts', '5,50', '--rounds', '2', '--only', 'raw,dbos', '--json', 'figures.json'];
  assert.deepEqual(parseOptions(args), { counts: [5, 50], rounds: 2, only: ['raw', 'dbos'], json: 'figures.json' });
});

test('lets single options change the quick form', () => {
  assert.equal(parseOptions(['--quick']).rounds, 1);
  assert.equal(parseOptions(['--quick', '--rounds', '4']).rounds, 4);
});

test('refuses what is no count, and what it does not know', () => {
  assert.throws(() => parseOptions(['--counts', '100,many']), /many is no positive whole number/);
  assert.throws(() => parseOptions(['--rounds', '0']), /0 is no positive whole number/);
  assert.throws(() => parseOptions(['--fast']), /--fast/);
});
