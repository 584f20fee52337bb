import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Aggregate, Commit, Verdict } from '@conclave/contracts';
import { describeCommit, describeVerdict, duration } from './index.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const AT = '2026-01-01T00:00:00.000Z';

function verdict(change: Partial<Verdict>): Verdict {
  return {
    gate: 'ndcg@10',
    outcome: 'pass',
    value: 0.741,
    interval: { low: 0.711, high: 0.77 },
    operator: '>=',
    threshold: 0.72,
    samples: 600,
    minSamples: 50,
    window: null,
    stageEpoch: 1,
    modelDigest: DIGEST,
    datasetDigest: null,
    source: 'offline-1',
    dryRun: false,
    sentence: 'measured',
    ...change,
  };
}

const latency = {
  gate: 'latency_p95_ms',
  operator: '<',
  threshold: 50,
  source: 'telemetry',
  samples: 412,
  minSamples: 200,
} as const;
const GATE_LINES: readonly (readonly [name: string, change: Partial<Verdict>, line: string])[] = [
  ['a score', {}, 'ndcg@10 0.741 [0.711-0.770] n=600, needs >= 0.72'],
  [
    'a latency',
    { ...latency, value: 3.2, interval: { low: 2.9, high: 3.6 } },
    'latency_p95_ms 3.2 ms [2.9-3.6] n=412, needs < 50 ms',
  ],
  [
    'a share',
    {
      gate: 'slo_compliance',
      threshold: 0.99,
      source: 'telemetry',
      samples: 412,
      value: 0.998,
      interval: { low: 0.991, high: 0.999 },
    },
    'slo_compliance 99.8% [99.1-99.9] n=412, needs >= 99%',
  ],
  [
    'a rollback test',
    { gate: 'rollback_test', value: 1, threshold: 1, interval: null, samples: 2, minSamples: 1 },
    'rollback_test passed n=2, needs passed',
  ],
  [
    'a failed rollback test',
    { gate: 'rollback_test', value: 0, threshold: 1, interval: null, samples: 2, minSamples: 1 },
    'rollback_test failed n=2, needs passed',
  ],
  [
    'open incidents',
    { gate: 'p0_incidents', operator: '<=', value: 0, threshold: 0, interval: null },
    'p0_incidents 0 open, needs 0',
  ],
  [
    'a difference',
    { gate: 'no_loss_vs_stable', value: 0.031, threshold: 0, interval: { low: 0.012, high: 0.049 } },
    'no_loss_vs_stable +0.031 [0.012-0.049] n=600, needs >= 0',
  ],
  [
    'a loss, whose interval reaches below zero',
    { gate: 'no_loss_vs_stable', value: -0.012, threshold: 0, interval: { low: -0.03, high: 0.006 } },
    'no_loss_vs_stable -0.012 [-0.030 to 0.006] n=600, needs >= 0',
  ],
  [
    'a value that rounding would move over the threshold',
    { value: 0.71997, interval: null },
    'ndcg@10 0.71997 n=600, needs >= 0.72',
  ],
  [
    'too few samples',
    { ...latency, value: 3.2, interval: null, samples: 96 },
    'latency_p95_ms 3.2 ms n=96 of 200, needs < 50 ms',
  ],
  [
    'nothing measured',
    { ...latency, value: null, interval: null, samples: 0 },
    'latency_p95_ms not measured yet, needs < 50 ms',
  ],
];
for (const [name, change, line] of GATE_LINES) {
  test(`a gate line of ${name}`, () => assert.equal(describeVerdict(verdict(change)), line));
}

function commit(aggregate: Aggregate, type: string, data: unknown): Commit {
  return { aggregate, seq: 1, storedAt: AT, by: 'test', fence: undefined, events: [{ id: 'e1', type, at: AT, data }] };
}
const rollouts: Aggregate = { kind: 'rollouts', id: 'emoji-search' };
const texts = (c: Commit): string[] => describeCommit(c).map((line) => line.text);

test('a stage entry names the asked share and what earned it', () => {
  const earnedBy = { meetingId: 'm-2', verdictSet: 'v', approvedBy: 'ada' };
  const data = {
    rolloutId: 'r',
    stage: '5_percent',
    stageEpoch: 4,
    share: 0.05,
    requestedBy: 'ops_commander',
    earnedBy,
  };
  assert.deepEqual(texts(commit(rollouts, 'rollout.stage_entered', data)), [
    'emoji-search enters 5%: asked share 5%, epoch 4, requested by ops_commander, earned by the vote of m-2 and the approval of ada',
  ]);
});

test('an abort carries the failing gate with its numbers', () => {
  const failed = verdict({ ...latency, outcome: 'fail', value: 71.4, interval: { low: 65, high: 80 } });
  const data = { rolloutId: 'r', by: 'coordinator-0', reason: 'breach', gate: latency.gate, verdict: failed };
  const [line] = describeCommit(commit(rollouts, 'rollout.aborted', data));
  assert.equal(line?.level, 'bad');
  assert.match(line?.text ?? '', /breach \(latency_p95_ms 71\.4 ms \[65\.0-80\.0\] n=412, needs < 50 ms\)/);
});

test('each ballot is a line with the role and the reason', () => {
  const ballots = [{ rolloutId: 'r', verdictSet: 'v', vote: 'no_go', reason: 'too early' }];
  const data = {
    phase: 'ballot',
    role: 'critic',
    speaker: { adapter: 'rules', model: 'rules' },
    text: 'no',
    ballots,
    durationMs: 1,
  };
  assert.deepEqual(texts(commit({ kind: 'meetings', id: 'm' }, 'meeting.turn_taken', data)), [
    'critic votes no-go: too early',
  ]);
});

test('a handoff counts its actions by priority', () => {
  const action = {
    action: 'a',
    owner: 'ops_commander',
    planId: 'p',
    estimatedDuration: '',
    successCriteria: '',
    dependsOn: [],
  };
  const actions = ['high', 'low', 'high'].map((priority, i) => ({ ...action, actionId: `p:${i}`, priority }));
  const data = { planId: 'p', digest: 'd', source: 'planning_1', origin: 'meeting', actions };
  assert.deepEqual(texts(commit({ kind: 'schedule', id: '' }, 'schedule.plan_accepted', data)), [
    'handoff p from planning_1: 3 actions (2 HIGH, 1 LOW)',
  ]);
});

const criteria = [
  [[], 'done'],
  [['met'], 'done (1 of 1 criterion met)'],
  [['met', 'met', 'unjudged'], 'done (2 of 2 criteria met, 1 not judged)'],
  [['unjudged'], 'done (1 criterion not judged)'],
  [['met', 'unmet'], 'done (1 of 2 criteria met)'],
] as const;
for (const [verdicts, said] of criteria)
  test(`an action with the criteria ${verdicts.join(', ') || 'of nobody'} is said to be ${said}`, () => {
    const judged = verdicts.map((verdict) => ({ text: 't', verdict, detail: '' }));
    const outcome = verdicts.some((v) => v === 'unmet') ? 'failed' : 'succeeded';
    const data = { actionId: 'p:1', outcome, summary: 'done', criteria: judged };
    assert.deepEqual(texts(commit({ kind: 'actions', id: 'p:1' }, 'action.completed', data)), [
      `action p:1 ${outcome}: ${said}`,
    ]);
  });

test('rules are never passed off as a language model', () => {
  const data = {
    phase: 'statement',
    role: 'critic',
    speaker: { adapter: 'rules', model: 'rules' },
    text: 'hm',
    durationMs: 1,
  };
  assert.match(texts(commit({ kind: 'meetings', id: 'm' }, 'meeting.turn_taken', data)).join(), /rules \(no LLM\)/);
});

test('an event of a later version is said to be unreadable, not left out', () => {
  const [line] = describeCommit(commit(rollouts, 'rollout.teleported', {}));
  assert.equal(line?.level, 'bad');
  assert.match(line?.text ?? '', /commit 1 cannot be read by this version: CVE_JOURNAL_UNKNOWN_EVENT/);
});

test('durations are written in the units that fit', () => {
  assert.deepEqual([8.46, 90, 600, 12_000, 604_800].map(duration), ['8.5 s', '90 s', '10 min', '3 h 20 min', '7 d']);
});

test('what a stranger wrote cannot command a terminal', () => {
  const title = 'search\u001b]52;c;cm0gLXJm\u0007 is\u009b2J down\nleader';
  const data = { incidentId: 'i-1', severity: 'P0', title, detail: '', source: 'nobody\u001b[8m' };
  const lines = texts(commit({ kind: 'incidents', id: 'i-1' }, 'incident.opened', data));
  assert.deepEqual(lines, ['P0 incident i-1: search]52;c;cm0gLXJm is2J down leader (nobody[8m)']);
  assert.doesNotMatch(texts(commit(rollouts, 'rollout.\u001b[2J', {})).join(), /\p{Cc}/u);
});
