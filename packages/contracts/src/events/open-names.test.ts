import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256 } from '../canonical.ts';
import type { Commit, RawEvent } from '../journal.ts';
import { DEFAULT_GATES, gate, knownGate } from '../rollout-definition.ts';
import { type Aggregate, aggregates } from '../subjects.ts';
import { checkEvents, parseCommit, readCommit } from './parse.ts';

const AT = '2026-01-01T00:00:00.000Z';
const SPEAKER = { adapter: 'mistral', model: 'large', region: 'eu' };

const event = (type: string, data: object): RawEvent => ({ id: 'e', type, at: AT, data });
const commitOf = (aggregate: Aggregate, ...events: RawEvent[]): Commit => ({
  ...{ aggregate, seq: 7, storedAt: AT, by: 'test', fence: undefined },
  events,
});

const started = { actionId: 'p:1', owner: 'ops_commander', attempt: 1, worker: 'w', speaker: SPEAKER };
const called = { callId: 'p:1/1', tool: 'audit_model', args: {}, reason: 'asked', budget: 3 };
const planned = {
  ...{ actionId: 'p:1', planId: 'p', action: 'audit it', owner: 'ops_commander', priority: 'high', dependsOn: [] },
  ...{ estimatedDuration: '', successCriteria: '', tool: 'audit_model', cost: { tokens: 5 } },
};
const accepted = { planId: 'p', digest: 'd', source: 's', origin: 'user', actions: [planned] };
const request = { kind: 'offline', model: 'm', version: '1', digest: sha256('1'), dataset: sha256('d') };
const estimate = { value: 0.5, low: 0.4, high: 0.6 };
const measured = { kind: 'offline', queries: 9, emptyQueries: 0, documents: 5, durationMs: 1 };
const completed = { request, result: { ...measured, metrics: { 'mrr@10': estimate } }, runner: 'r' };
const futureGate = { name: 'fair', source: 'fairness', metric: 'parity', operator: '<=', threshold: 0.1 };
const definition = {
  ...{ name: 'r', model: 'm', version: '1', digest: sha256('1'), datasetName: 'd', dataset: sha256('d') },
  authority: 'act',
  stages: ['shadow', 'production'].map((name) => ({ name, soakSeconds: 1 })),
  gates: [...DEFAULT_GATES, { ...futureGate, dryRun: false, groups: ['a', 'b'] }],
};

test('a reader takes tools, vendors, metrics and sources that it does not know as they are', () => {
  const [begun, call] = parseCommit(
    'actions',
    commitOf(aggregates.action('p:1'), event('action.started', started), event('action.tool_called', called)),
  ).events;
  assert.equal(begun?.type === 'action.started' && begun.data.speaker.adapter, 'mistral');
  assert.equal(call?.type === 'action.tool_called' && call.data.tool, 'audit_model');
  const plan = commitOf(aggregates.schedule, event('schedule.plan_accepted', accepted));
  assert.equal(readCommit('schedule', plan).unread, undefined);
  const result = commitOf(aggregates.evaluation('e'), event('evaluation.completed', completed));
  assert.equal(readCommit('evaluations', result).unread, undefined);
  const applied = event('rollout.applied', { rolloutId: 'r', definition, by: 'op' });
  assert.equal(readCommit('rollouts', commitOf(aggregates.rollouts('m'), applied)).unread, undefined);
});

test('fields that a reader does not know are kept, however deep', () => {
  const data = { ...accepted, reviewedBy: 'x' };
  const plan = commitOf(aggregates.schedule, { ...event('schedule.plan_accepted', data), trace: 't' } as RawEvent);
  assert.deepEqual(parseCommit('schedule', plan).events[0], plan.events[0]);
  const begun = commitOf(aggregates.action('p:1'), event('action.started', started));
  assert.deepEqual(parseCommit('actions', begun).events[0]?.data, started);
  const applied = commitOf(
    aggregates.rollouts('m'),
    event('rollout.applied', { rolloutId: 'r', definition, by: 'op', ticket: 5 }),
  );
  assert.deepEqual(parseCommit('rollouts', applied).events[0]?.data, applied.events[0]?.data);
});

test('a writer writes no name that it does not know', () => {
  const refused = (kind: Aggregate['kind'], type: string, data: object, message: RegExp): void =>
    assert.throws(() => checkEvents(kind, [event(type, data)]), { code: 'CVE_MESSAGE_MALFORMED', message });
  refused('actions', 'action.started', started, /adapter "mistral" \(known are anthropic, /);
  refused('actions', 'action.tool_called', called, /tool "audit_model" \(known are deploy_model, /);
  refused('schedule', 'schedule.plan_accepted', accepted, /tool "audit_model"/);
  refused('evaluations', 'evaluation.completed', completed, /metric "mrr@10" \(known are ndcg@10, /);
  refused('rollouts', 'rollout.applied', { rolloutId: 'r', definition, by: 'op' }, /gate "fair" of source "fairness"/);
});

test('a gate is known with exactly the settings that this version knows', () => {
  const known = gate.parse({ name: 'g', source: 'evaluation', metric: 'ndcg@10', threshold: 0.7 });
  assert.deepEqual(knownGate({ ...known }), known);
  assert.equal(knownGate({ ...known, metric: 'mrr@10' }), undefined);
  // What a setting means that is not known, nobody can judge.
  const later: typeof known = Object.assign({ ...known }, { slices: ['a'] });
  assert.equal(knownGate(later), undefined);
});

test('a commit is read whole or not at all, and what cannot be read is named', () => {
  const known = event('rollout.released', { holdId: 'h', by: 'op', reason: 'r' });
  const commit = commitOf(aggregates.rollouts('m'), known, event('rollout.frozen', {}));
  assert.equal(readCommit('rollouts', commit).unread?.type, 'rollout.frozen');
  assert.throws(() => parseCommit('rollouts', commit), {
    code: 'CVE_JOURNAL_UNKNOWN_EVENT',
    message: /commit 7 of rollouts m has event rollout\.frozen.*upgrade this service/,
  });
});
