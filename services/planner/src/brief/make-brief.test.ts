import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type History, history, historyIn } from '@conclave/histories';
import { briefOf, rolloutIn } from '../testing/brief.ts';
import { BRIEF_LIMIT_BYTES } from './fit-brief.ts';
import { type Brief, brief as briefSchema, rolloutsToVoteOn } from './schema.ts';

test('a brief is JSON: what is recorded is read back the same', () => {
  const made = briefOf(
    historyIn().verdict('ndcg@10', 'pass').incident('P1').insight('shorter queries are slower').evaluated(),
  );
  assert.deepEqual(briefSchema.parse(JSON.parse(JSON.stringify(made))), made);
});

test('an empty journal gives a brief without models', () => {
  const made = briefOf(history());
  assert.deepEqual([made.models, made.results, made.lastMeetingAt], [[], [], null]);
});

test('an applied rollout has its first stage before it, and nothing to vote on', () => {
  const made = briefOf(history().adopted().applied());
  const rollout = rolloutIn(made);
  assert.equal(rollout.phase, 'applied');
  assert.equal(rollout.nextStage, 'shadow');
  assert.deepEqual(rollout.missing, []);
  assert.deepEqual(rolloutsToVoteOn(made), []);
});

test('every gate stands in the brief, pending where nothing was measured', () => {
  const rollout = rolloutIn(briefOf(historyIn().verdict('ndcg@10', 'pass', { value: 0.81 })));
  assert.deepEqual(
    rollout.gates.map((gate) => [gate.name, gate.outcome]),
    [
      ['ndcg@10', 'pass'],
      ['latency_p95_ms', 'pending'],
      ['slo_compliance', 'pending'],
      ['p0_incidents', 'pending'],
      ['rollback_test', 'pending'],
      ['no_loss_vs_stable', 'pending'],
    ],
  );
  assert.equal(rollout.gates[0]?.value, 0.81);
  assert.equal(rollout.missing.length, 5);
});

test('soak left counts from serving, and what does not serve is missing', () => {
  assert.equal(rolloutIn(briefOf(historyIn().allPassed(), 4)).soakLeftSeconds, 6);
  assert.equal(rolloutIn(briefOf(historyIn().allPassed(), 11)).soakLeftSeconds, 0);
  assert.deepEqual(rolloutIn(briefOf(historyIn().allPassed(), 11)).missing, []);
  const notServing = rolloutIn(briefOf(history().adopted().applied().entered('shadow').allPassed()));
  assert.equal(notServing.soakLeftSeconds, null);
  assert.deepEqual(
    notServing.missing.map((missing) => missing.kind),
    ['serving'],
  );
});

test('an overridden gate is not missing, a hold is', () => {
  const rollout = rolloutIn(
    briefOf(historyIn().allPassed().verdict('ndcg@10', 'fail').overridden('ndcg@10').held('pause')),
  );
  assert.deepEqual(
    rollout.missing.map((missing) => missing.kind),
    ['hold'],
  );
});

test('results are those since the last meeting opened', () => {
  const history = historyIn()
    .planned('p1', ['smoke_test', 'run_evaluation'])
    .ended('p1:1', 'succeeded')
    .wait(20)
    .meetingOpened('meeting-0')
    .wait(10)
    .ended('p1:2', 'failed');
  const made = briefOf(history);
  assert.deepEqual(
    made.results.map((result) => [result.actionId, result.outcome]),
    [['p1:2', 'failed']],
  );
});

test('attempts are those of this stage epoch and what is still open', () => {
  const history = historyIn()
    .planned('p1', ['smoke_test', 'run_evaluation', 'collect_metrics'])
    .dispatched('p1:1')
    .ended('p1:1', 'succeeded')
    .wait(20)
    .entered('5_percent')
    .wait(5)
    .dispatched('p1:2');
  assert.deepEqual(
    rolloutIn(briefOf(history)).attempts.map(({ tool, state }) => [tool, state]),
    [
      ['run_evaluation', 'dispatched'],
      ['collect_metrics', 'waiting'],
    ],
  );
});

test('a rollout that ended since the last meeting is told with its reason', () => {
  const made = briefOf(historyIn().meetingOpened('meeting-0').wait(10).aborted({ gate: 'latency_p95_ms' }));
  assert.equal(made.models[0]?.rollout, null);
  assert.deepEqual(
    made.models[0]?.ended.map(({ phase, gate, sinceLastMeeting }) => [phase, gate, sinceLastMeeting]),
    [['rolled_back', 'latency_p95_ms', true]],
  );
});

/** So many criteria, all met but the last. */
function judged(count: number): { text: string; verdict: 'met' | 'unmet'; detail: string }[] {
  return Array.from({ length: count }, (_, i) => ({
    text: 'a',
    verdict: i + 1 === count ? 'unmet' : 'met',
    detail: '',
  }));
}

/** A history in which so many actions ended, each with this summary and number of criteria. */
function ended(count: number, summary: string, criteria = 0): History {
  const ids = Array.from({ length: count }, (_, i) => `p1:${i + 1}`);
  const planned = historyIn().planned(
    'p1',
    ids.map(() => 'smoke_test'),
  );
  return ids.reduce(
    (history, id) => history.actionCompleted(id, { summary, criteria: judged(criteria) }).ended(id),
    planned,
  );
}

const bytesOf = (made: Brief): number => Buffer.byteLength(JSON.stringify(made));

test('of a thousand criteria the brief holds a few, those that are not met first, and says how many it leaves out', () => {
  const made = briefOf(ended(24, 'done', 1000));
  assert.ok(bytesOf(made) <= BRIEF_LIMIT_BYTES);
  assert.equal(made.results.length, 24);
  const [result] = made.results;
  assert.deepEqual([result?.criteria[0]?.verdict, result?.criteria.length], ['unmet', 20]);
  assert.equal(result?.criteriaLeftOut, 980);
});

test('a brief that would be too large loses its oldest results, and says how many', () => {
  const history = ended(40, '測'.repeat(1200));
  const documents = [{ name: 'roadmap.md', text: '測'.repeat(40_000), cut: false }];
  const made = briefOf(history, 60, documents);
  assert.ok(bytesOf(made) <= BRIEF_LIMIT_BYTES, `${bytesOf(made)}`);
  assert.equal(made.results.at(-1)?.actionId, 'p1:40');
  assert.ok(made.results.length >= 10);
  assert.equal(made.resultsLeftOut, 40 - made.results.length);
  assert.equal(made.documents[0]?.cut, false, 'the oldest results go first');
});

test('where that is not enough the documents are cut', () => {
  const documents = [1, 2].map((n) => ({ name: `${n}.md`, text: '測'.repeat(60_000), cut: false }));
  const made = briefOf(ended(40, '測'.repeat(1200)), 60, documents);
  assert.ok(bytesOf(made) <= BRIEF_LIMIT_BYTES, `${bytesOf(made)}`);
  assert.equal(made.results.length, 10);
  assert.ok(made.documents.some(({ cut }) => cut));
});
