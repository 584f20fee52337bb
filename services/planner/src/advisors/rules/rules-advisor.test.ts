import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PLANNING_ROLES } from '@conclave/contracts';
import { type History, history, historyIn } from '@conclave/histories';
import { briefOf } from '../../testing/brief.ts';
import { neededActions } from './needs.ts';
import { rulesContribution } from './rules-advisor.ts';

test('a measurement that succeeded is ordered again when its gate lacks it, and nothing else is', () => {
  const history = historyIn()
    .planned('p1', ['run_evaluation', 'run_rollback_test', 'smoke_test'])
    .ended('p1:1', 'succeeded')
    .ended('p1:2', 'succeeded')
    .ended('p1:3', 'succeeded');
  const tools = neededActions(briefOf(history)).map(({ action }) => action.tool);
  assert.deepEqual(tools, ['run_evaluation', 'run_rollback_test', 'collect_metrics']);
  assert.deepEqual(neededActions(briefOf(history.allPassed())), []);
});

type Vote = 'go' | 'no_go' | 'abstain';

interface Case {
  readonly name: string;
  readonly history: History;
  readonly seconds?: number;
  readonly vote: Vote;
  readonly says: RegExp;
}

const CASES: readonly Case[] = [
  { name: 'everything passed and soaked', history: historyIn().allPassed(), vote: 'go', says: /Evidence complete/ },
  { name: 'no verdict at all', history: historyIn(), vote: 'abstain', says: /ndcg@10 is pending: nothing measured/ },
  {
    name: 'one verdict missing',
    history: historyIn().allPassed().verdict('latency_p95_ms', 'running'),
    vote: 'abstain',
    says: /latency_p95_ms is running/,
  },
  {
    name: 'an inconclusive verdict',
    history: historyIn().allPassed().verdict('rollback_test', 'inconclusive'),
    vote: 'abstain',
    says: /rollback_test is inconclusive/,
  },
  {
    name: 'a measurement that failed',
    history: historyIn().allPassed().verdict('ndcg@10', 'error'),
    vote: 'abstain',
    says: /ndcg@10 is error/,
  },
  {
    name: 'a gate that failed',
    history: historyIn().allPassed().verdict('ndcg@10', 'fail', { value: 0.6 }),
    vote: 'no_go',
    says: /ndcg@10 failed: 0.6/,
  },
  {
    name: 'a failed gate that an operator overrode',
    history: historyIn().allPassed().verdict('ndcg@10', 'fail').overridden('ndcg@10'),
    vote: 'go',
    says: /overridden by ada/,
  },
  { name: 'an open P0', history: historyIn().allPassed().incident('P0'), vote: 'no_go', says: /P0 incident open/ },
  { name: 'an open P1', history: historyIn().allPassed().incident('P1'), vote: 'go', says: /Evidence complete/ },
  {
    name: 'a pause',
    history: historyIn().allPassed().held('pause'),
    vote: 'abstain',
    says: /held \(pause\) since \S+ by ada/,
  },
  { name: 'soak not elapsed', history: historyIn().allPassed(), seconds: 4, vote: 'abstain', says: /6 s of the soak/ },
  {
    name: 'runners not ready',
    history: history().adopted().applied().entered('shadow').allPassed(),
    vote: 'abstain',
    says: /runners are not ready/,
  },
  { name: 'a rejection by a person', history: historyIn().allPassed().rejected(), vote: 'no_go', says: /ada rejected/ },
];

for (const { name, history, seconds, vote, says } of CASES) {
  test(`rules vote ${vote} on ${name}`, () => {
    const brief = briefOf(history, seconds);
    for (const role of PLANNING_ROLES) {
      const { ballots } = rulesContribution(role, 'ballot', brief);
      assert.deepEqual(
        ballots.map((ballot) => ballot.vote),
        [vote],
        role,
      );
      assert.match(ballots[0]?.reason ?? '', says);
    }
  });
}

test('the critic votes go on a pass whose interval crosses the threshold, and records the concern', () => {
  const thin = { value: 0.74, interval: { low: 0.7, high: 0.78 } };
  const brief = briefOf(historyIn().allPassed().verdict('ndcg@10', 'pass', thin));
  const [ballot] = rulesContribution('critic', 'ballot', brief).ballots;
  assert.equal(ballot?.vote, 'go');
  assert.match(ballot?.reason ?? '', /interval \[0.7, 0.78\] crosses the threshold 0.72/);
  assert.match(rulesContribution('critic', 'challenge', brief).text, /crosses the threshold/);
});

test('every turn says that it is no language model where it speaks first', () => {
  const brief = briefOf(historyIn().allPassed());
  for (const role of PLANNING_ROLES) {
    assert.match(rulesContribution(role, 'statement', brief).text, /not a language model/);
  }
});

test('a failed gate and a rollback are told as learnt', () => {
  const failed = rulesContribution('moderator', 'synthesis', briefOf(historyIn().verdict('ndcg@10', 'fail')));
  assert.match(failed.text, /Learnt: 1.1 fails ndcg@10 in shadow/);
  const ended = rulesContribution('moderator', 'synthesis', briefOf(historyIn().aborted({ reason: 'latency breach' })));
  assert.match(ended.text, /Learnt: 1.1 of emoji-search was rolled back \(latency breach\)/);
});

const toolsFor = (history: History, seconds?: number): string[] =>
  neededActions(briefOf(history, seconds)).map((need) => need.action.tool ?? '');

const EVIDENCE = ['smoke_test', 'run_evaluation', 'run_rollback_test', 'collect_metrics'] as const;

test('an applied rollout needs its first stage, unless agents only observe', () => {
  const [need] = neededActions(briefOf(history().adopted().applied()));
  assert.deepEqual(need?.action.args, { model: 'emoji-search', version: '1.1', stage: 'shadow' });
  assert.equal(need?.action.success_criteria, 'stage == shadow');
  assert.deepEqual(toolsFor(history().adopted().applied({ authority: 'observe' })), []);
});

test('a stage without evidence needs all of it', () => {
  assert.deepEqual(toolsFor(historyIn()), EVIDENCE);
});

test('criteria are the gates of the definition', () => {
  const criteria = neededActions(briefOf(historyIn())).map((need) => need.action.success_criteria);
  assert.deepEqual(criteria, [
    'errors == 0',
    'ndcg@10 >= 0.72',
    'rollback_test == passed',
    'latency_p95_ms < 50, slo_compliance >= 0.99',
  ]);
});

test('a completed evaluation is not repeated, one that compares with nothing is', () => {
  assert.ok(!toolsFor(historyIn().evaluated()).includes('run_evaluation'));
  assert.ok(toolsFor(historyIn().evaluated(0.8, { request: { baseline: undefined } })).includes('run_evaluation'));
});

test('a rollback test left running by a runner that died is asked for again, unless an action still waits for it', () => {
  const orphaned = historyIn()
    .planned('p1', EVIDENCE)
    .dispatched('p1:3')
    .also((told) => told.evaluationStarted(told.rollbackTestRequest()));
  assert.ok(!toolsFor(orphaned).includes('run_rollback_test'));
  assert.ok(toolsFor(orphaned.ended('p1:3', 'failed')).includes('run_rollback_test'));
});

test('what succeeded, is dispatched or was asked for by a person is not repeated; what failed is', () => {
  const history = historyIn()
    .planned('p1', EVIDENCE)
    .dispatched('p1:1')
    .ended('p1:1', 'succeeded')
    .dispatched('p1:2')
    .dispatched('p1:3')
    .ended('p1:3', 'failed');
  assert.deepEqual(toolsFor(history), ['run_rollback_test', 'collect_metrics']);
  assert.deepEqual(toolsFor(historyIn().planned('p1', EVIDENCE, { origin: 'user' })), []);
});

test('unstarted actions are carried over only by a plan that brings something new', () => {
  assert.deepEqual(toolsFor(historyIn().planned('p1', EVIDENCE)), []);
  assert.deepEqual(toolsFor(historyIn().planned('p1', EVIDENCE.slice(1))), EVIDENCE);
});

test('a failed deciding gate needs a rollback and no more evidence', () => {
  const [need, ...rest] = neededActions(briefOf(historyIn().verdict('ndcg@10', 'fail')));
  assert.deepEqual(rest, []);
  assert.equal(need?.action.tool, 'rollback_model');
  assert.equal(need?.action.owner, 'rollback_officer');
});

test('an open P0 needs no rollback: it holds, and people decide', () => {
  const brief = briefOf(historyIn().allPassed().incident('P0').verdict('p0_incidents', 'fail'));
  assert.deepEqual(
    neededActions(brief).filter((need) => need.action.tool === 'rollback_model'),
    [],
  );
});

test('an earned stage needs nothing but its smoke test', () => {
  assert.deepEqual(toolsFor(historyIn().allPassed()), ['smoke_test']);
});

test('the plan of the moderator is what the advisors proposed', () => {
  const brief = briefOf(historyIn());
  const proposed = PLANNING_ROLES.flatMap((role) => rulesContribution(role, 'statement', brief).actions);
  const planned = rulesContribution('moderator', 'synthesis', brief).actions;
  assert.deepEqual(new Set(planned.map((a) => a.tool)), new Set(proposed.map((a) => a.tool)));
});
