import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeToken, encodeToken } from './names.ts';
import { aggregateOf, aggregates, subjects } from './subjects.ts';

test('a version is one token', () => {
  assert.equal(encodeToken('1.0'), '1=2E0');
  assert.equal(subjects.telemetry('emoji-search', '1.0'), 'conclave.telemetry.emoji-search.1=2E0');
});

test('any text survives as one token', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (text) => {
      const token = encodeToken(text);
      assert.match(token, /^[A-Za-z0-9_=-]+$/);
      assert.equal(decodeToken(token), text);
    }),
  );
});

test('different texts give different tokens', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (a, b) =>
      assert.equal(encodeToken(a) === encodeToken(b), a === b),
    ),
  );
});

test('an aggregate is found again by its subject', () => {
  for (const aggregate of [
    aggregates.schedule,
    aggregates.roadmap,
    aggregates.rollouts('a-b'),
    aggregates.action('meeting_1:2'),
    aggregates.model('dataset:x'),
  ]) {
    assert.deepEqual(aggregateOf(subjects.journal(aggregate)), aggregate);
  }
});

test('what is no aggregate is refused by name', () => {
  for (const subject of [
    'conclave.journal',
    'conclave.journal.rollouts',
    'conclave.journal.schedule.x',
    'conclave.journal.orders.1',
    'other.journal.schedule',
    'conclave.journal.rollouts.a.b',
  ]) {
    assert.throws(() => aggregateOf(subject), /CVE_NAME_INVALID/, subject);
  }
});
