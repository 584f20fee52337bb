import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_GATES, parseCommit, shortDigest } from '@conclave/contracts';
import {
  awaitsVote,
  isEarnedWhole,
  missingForNextStage,
  missingForNextStep,
  missingInStage,
  soakSecondsLeft,
} from './eligibility.ts';
import { foldRollouts, initialRollouts, type Rollout, type RolloutsState, verdictSetOf } from './folds/rollout.ts';

const AT = '2026-01-01T00:00:00.000Z';
const DIGEST = `sha256:${'a'.repeat(64)}`;
const after = (seconds: number): Date => new Date(Date.parse(AT) + seconds * 1000);

type Step = readonly [type: string, data: object];
const SERVES: readonly Step[] = [
  ['rollout.stage_entered', { rolloutId: 'r', stage: 'shadow', stageEpoch: 1, share: 0, requestedBy: 'ada' }],
  ['rollout.stage_serving', { rolloutId: 'r', stageEpoch: 1, runners: ['gpu-runner-0'] }],
];
const LAST_STAGE_SERVES: readonly Step[] = [
  ['rollout.stage_entered', { rolloutId: 'r', stage: 'production', stageEpoch: 2, share: 1, requestedBy: 'ada' }],
  ['rollout.stage_serving', { rolloutId: 'r', stageEpoch: 2, runners: ['gpu-runner-0'] }],
];
const PASSED: Step = ['rollout.verdict_changed', { rolloutId: 'r', stageEpoch: 1, verdict: ndcg('pass') }];
const HELD: Step = ['rollout.held', { holdId: 'h', kind: 'pause', by: 'ada', reason: 'lunch' }];

function ndcg(outcome: string) {
  return {
    gate: 'ndcg@10',
    outcome,
    value: 0.75,
    interval: null,
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
    sentence: 'measured 0.75',
  };
}

/** A rollout from shadow to production with one gate, and what was recorded on it. */
function rolloutWith(steps: readonly Step[], authority = 'recommend'): { state: RolloutsState; rollout: Rollout } {
  const definition = {
    name: 'n',
    model: 'emoji-search',
    version: '1.1',
    digest: DIGEST,
    datasetName: 'd',
    dataset: DIGEST,
    authority,
    stages: [
      { name: 'shadow', soakSeconds: 600 },
      { name: 'production', soakSeconds: 600 },
    ],
    gates: DEFAULT_GATES.slice(0, 1),
  };
  const applied: Step = ['rollout.applied', { rolloutId: 'r', definition, by: 'ada' }];
  const state = [applied, ...steps].reduce((folded, step, index) => fold(folded, step, index), initialRollouts('m'));
  assert.ok(state.current);
  return { state, rollout: state.current };
}

function fold(state: RolloutsState, [type, data]: Step, index: number): RolloutsState {
  const aggregate = { kind: 'rollouts', id: 'm' } as const;
  const events = [{ id: `e${index}`, type, at: AT, data }];
  return foldRollouts(
    state,
    parseCommit('rollouts', { aggregate, seq: index + 1, storedAt: AT, by: 'test', fence: undefined, events }),
  );
}

function voted({ rollout }: { rollout: Rollout }, decision: 'go' | 'no_go'): Step {
  const ballots = { yes: ['critic'], no: [], abstained: [] };
  const { stageEpoch } = rollout;
  return [
    'rollout.voted',
    { rolloutId: 'r', meetingId: 'm-1', stageEpoch, verdictSet: verdictSetOf(rollout), decision, ...ballots },
  ];
}

test('before its first stage a rollout waits for holds only', () => {
  const { state, rollout } = rolloutWith([]);
  assert.deepEqual(missingForNextStage(state, rollout, after(0)), []);
  const held = rolloutWith([HELD]);
  assert.deepEqual(missingForNextStage(held.state, held.rollout, after(0)), [`held (pause) since ${AT} by ada: lunch`]);
});

test('what is missing for the next stage is listed in the order in which it is earned', () => {
  const { state, rollout } = rolloutWith([...SERVES, HELD]);
  assert.deepEqual(missingForNextStage(state, rollout, after(60)), [
    '9 min of the soak of 10 min are left',
    'gate ndcg@10 is pending: nothing measured yet',
    'no meeting has voted on these verdicts',
    `a person must approve this step (authority: recommend): conclave approve emoji-search --verdicts ${shortDigest(verdictSetOf(rollout))} --reason ...`,
    `held (pause) since ${AT} by ada: lunch`,
  ]);
});

test('a vote is called for once only the vote is missing, and counts for exactly its verdicts', () => {
  const ready = rolloutWith([...SERVES, PASSED], 'act');
  assert.equal(awaitsVote(ready.state, ready.rollout, after(599)), false);
  assert.equal(awaitsVote(ready.state, ready.rollout, after(600)), true);
  const go = rolloutWith([...SERVES, PASSED, voted(ready, 'go')], 'act');
  assert.equal(awaitsVote(go.state, go.rollout, after(600)), false);
  assert.deepEqual(missingForNextStage(go.state, go.rollout, after(600)), []);
  const changed = rolloutWith([...SERVES, PASSED, voted(ready, 'go'), PASSED], 'act');
  assert.deepEqual(missingForNextStage(changed.state, changed.rollout, after(600)), [
    'meeting m-1 voted on other verdicts than those that stand now',
  ]);
  const noGo = rolloutWith([...SERVES, PASSED, voted(ready, 'no_go')], 'act');
  assert.deepEqual(missingForNextStage(noGo.state, noGo.rollout, after(600)), ['meeting m-1 voted no_go']);
});

test('a rollout that only observes never advances, but what its stage owes is known', () => {
  const { state, rollout } = rolloutWith([...SERVES, PASSED], 'observe');
  assert.match(missingForNextStage(state, rollout, after(600)).join(), /only observes/);
  assert.deepEqual(missingInStage(state, rollout, after(600)), []);
});

test('the last stage is followed by completion, which needs no vote', () => {
  const { state, rollout } = rolloutWith([...LAST_STAGE_SERVES, HELD]);
  assert.match(missingForNextStage(state, rollout, after(0)).join(), /it stands in its last stage/);
  assert.deepEqual(missingForNextStep(state, rollout, after(599.96)), [
    '0.1 s of the soak of 10 min are left',
    '1.1 has not answered a single request in production yet',
    'gate ndcg@10 is pending: nothing measured yet',
    `held (pause) since ${AT} by ada: lunch`,
  ]);
  const passed: Step = ['rollout.verdict_changed', { rolloutId: 'r', stageEpoch: 2, verdict: ndcg('pass') }];
  const answered: Step = ['rollout.traffic_seen', { rolloutId: 'r', stageEpoch: 2 }];
  const earned = rolloutWith([...LAST_STAGE_SERVES, answered, passed]);
  assert.equal(isEarnedWhole(earned.state, earned.rollout, after(599)), false);
  assert.equal(isEarnedWhole(earned.state, earned.rollout, after(600)), true);
  assert.equal(isEarnedWhole(state, rollout, after(600)), false);
});

test('soak left counts from serving, between the whole soak and nothing', () => {
  const { rollout } = rolloutWith(SERVES);
  assert.deepEqual(
    [-5, 0, 90, 600, 700].map((seconds) => soakSecondsLeft(rollout, after(seconds))),
    [600, 600, 510, 0, 0],
  );
  assert.equal(soakSecondsLeft(rolloutWith(SERVES.slice(0, 1)).rollout, after(700)), 600);
});
