import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_GATES, parseCommit } from '@conclave/contracts';
import { foldRollouts, initialRollouts, type RolloutsState, verdictSetOf } from './folds/rollout.ts';
import { awaitedOfPerson } from './waits-for.ts';

const AT = '2026-01-01T00:00:00.000Z';
const DIGEST = `sha256:${'a'.repeat(64)}`;
const [NDCG, , , P0] = DEFAULT_GATES;

type Step = readonly [type: string, data: object];

function fold(state: RolloutsState, steps: readonly Step[]): RolloutsState {
  return steps.reduce((folded, [type, data]) => {
    const events = [{ id: `e${folded.seq}`, type, at: AT, data }];
    const commit = {
      aggregate: { kind: 'rollouts', id: 'm' } as const,
      seq: folded.seq + 1,
      storedAt: AT,
      by: 't',
      fence: undefined,
      events,
    };
    return foldRollouts(folded, parseCommit('rollouts', commit));
  }, state);
}

function inShadow(authority = 'recommend'): RolloutsState {
  const stages = ['shadow', 'production'].map((name) => ({ name, soakSeconds: 60 }));
  const definition = {
    name: 'n',
    model: 'm',
    version: '1',
    digest: DIGEST,
    datasetName: 'd',
    dataset: DIGEST,
    authority,
    stages,
    gates: [NDCG, P0],
  };
  return fold(initialRollouts('m'), [
    ['rollout.applied', { rolloutId: 'r', definition, by: 'ada' }],
    ['rollout.stage_entered', { rolloutId: 'r', stage: 'shadow', stageEpoch: 1, share: 0, requestedBy: 'ada' }],
    ['rollout.stage_serving', { rolloutId: 'r', stageEpoch: 1, runners: ['gpu-runner-0'] }],
  ]);
}

const judged = (gate: string, outcome: string): Step => [
  'rollout.verdict_changed',
  {
    rolloutId: 'r',
    stageEpoch: 1,
    verdict: {
      ...{
        gate,
        outcome,
        value: 1,
        interval: null,
        operator: '>=',
        threshold: 0,
        samples: 1,
        minSamples: 1,
        window: null,
      },
      ...{
        stageEpoch: 1,
        modelDigest: DIGEST,
        datasetDigest: null,
        source: 's',
        dryRun: false,
        sentence: 's',
      },
    },
  },
];
const passed = (state: RolloutsState): RolloutsState =>
  fold(state, [judged('ndcg@10', 'pass'), judged('p0_incidents', 'pass')]);

function voted(state: RolloutsState, decision: 'go' | 'no_go' = 'go'): RolloutsState {
  assert.ok(state.current);
  const verdictSet = verdictSetOf(state.current);
  const ballots = { yes: ['critic'], no: [], abstained: [] };
  return fold(state, [
    ['rollout.voted', { rolloutId: 'r', stageEpoch: 1, meetingId: 'm-1', decision, verdictSet, ...ballots }],
  ]);
}

const HELD: Step = ['rollout.held', { holdId: 'pause', kind: 'pause', by: 'ada', reason: 'lunch' }];
const P0_HELD: Step = ['rollout.held', { holdId: 'i-1', kind: 'incident', by: 'coordinator', reason: 'open P0: down' }];

/** @param seconds since the stage began to serve; its soak is 60 */
function commands(state: RolloutsState, seconds = 61): string[] {
  assert.ok(state.current);
  const now = new Date(Date.parse(AT) + seconds * 1000);
  return awaitedOfPerson(state, state.current, now).map(({ command }) =>
    command.replace(/--verdicts [0-9a-f]{8}/, '--verdicts X'),
  );
}

const APPROVE = 'conclave approve m --verdicts X --reason ...';

test('a person is waited for once the meeting has voted go on complete evidence', () => {
  assert.deepEqual(commands(inShadow()), [], 'the evidence is still to come');
  assert.deepEqual(commands(passed(inShadow())), [], 'the meeting is');
  assert.deepEqual(commands(voted(passed(inShadow())), 30), [], 'the soak is');
  assert.deepEqual(commands(voted(passed(inShadow()))), [APPROVE]);
  assert.deepEqual(commands(voted(passed(inShadow()), 'no_go')), []);
  assert.deepEqual(commands(voted(passed(inShadow('act')))), []);
});

test('an approval ends the wait, a rejection can be taken back', () => {
  const state = voted(passed(inShadow()));
  assert.ok(state.current);
  const personal = { rolloutId: 'r', stageEpoch: 1, verdictSet: verdictSetOf(state.current), by: 'ada', reason: 'r' };
  assert.deepEqual(commands(fold(state, [['rollout.approved', personal]])), []);
  assert.deepEqual(commands(fold(state, [['rollout.rejected', personal]])), [APPROVE]);
});

test('a pause and an open incident are ended by people, and come before an approval', () => {
  const paused = 'conclave resume m --reason ...';
  const resolve = 'conclave incident resolve i-1 --reason ...';
  assert.deepEqual(commands(fold(inShadow(), [HELD])), [], 'meanwhile evidence comes in');
  assert.deepEqual(commands(fold(passed(inShadow()), [HELD])), [paused], 'and then nothing meets');
  assert.deepEqual(commands(fold(voted(passed(inShadow())), [HELD])), [paused]);
  assert.deepEqual(commands(fold(passed(inShadow('act')), [judged('p0_incidents', 'fail'), P0_HELD])), [resolve]);
});
