import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clock, openScreen } from './screen.ts';

test('what happened on another day is told with its date', () => {
  const now = new Date(2026, 10, 22, 9, 5, 0);
  assert.equal(clock(new Date(2026, 10, 22, 8, 0, 1), now), '08:00:01');
  assert.equal(clock(new Date(2026, 10, 21, 23, 59, 59), now), '2026-11-21 23:59:59');
});

test('a line about something old carries its own time', () => {
  const written: string[] = [];
  const screen = openScreen({ write: (text) => written.push(text), colour: false, verbose: false });
  screen.line('1.0 is in production', 'good', new Date(2020, 0, 2, 3, 4, 5));
  assert.deepEqual(written, ['2020-01-02 03:04:05  1.0 is in production\n']);
});
