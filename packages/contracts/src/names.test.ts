import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseHandoff } from './handoff.ts';
import { parseIncident } from './incident-report.ts';
import { decodeToken, encodeToken, entityId, entryOf, gateName, modelName, versionName } from './names.ts';
import { rolloutDefinition } from './rollout-definition.ts';
import { aggregateOf, aggregates, subjects } from './subjects.ts';
import { parseInsight } from './submissions.ts';

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

test('a name that every object has is refused wherever a record is keyed by it', () => {
  const refused = (name: string) => new RegExp(`is a name that every JavaScript object has.*${name}`);
  for (const schema of [modelName, versionName, entityId, gateName]) {
    for (const name of Object.getOwnPropertyNames(Object.prototype))
      assert.equal(schema.safeParse(name).success, false, name);
    assert.equal(schema.parse('constructors'), 'constructors');
  }
  const incident = { id: 'constructor', severity: 'P0', title: 'x' };
  assert.throws(() => parseIncident(incident), refused('constructor'));
  assert.throws(() => parseInsight({ id: 'valueOf', text: 'x' }), refused('valueOf'));
  const action = { id: 1, action: 'x', owner: 'ops_commander', priority: 'high' };
  const handoff = { timestamp: 'now', meeting_id: 'toString', actions: [action], count: 1 };
  assert.throws(() => parseHandoff(handoff), refused('toString'));
});

test('a gate named like what every object has cannot count as overridden: its definition is refused', () => {
  const definition = {
    apiVersion: 'conclave/v1',
    kind: 'ModelRollout',
    metadata: { name: 'r' },
    spec: { model: 'm', version: '1', dataset: 'd', gates: [{ name: 'constructor', source: 'rollback_test' }] },
  };
  assert.match(rolloutDefinition.safeParse(definition).error?.message ?? '', /every JavaScript object has/);
});

test('a record answers only what was put there', () => {
  assert.equal(entryOf({}, 'constructor'), undefined);
  assert.equal(entryOf({ a: 1 }, 'a'), 1);
});
