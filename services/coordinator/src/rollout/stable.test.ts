import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunnerStatus } from '@conclave/contracts';
import { openRollout, rolloutsOf, servingOf } from '@conclave/core';
import { RULES } from '../testing/simulation.ts';
import {
  appliedWorld,
  CANDIDATE_DIGEST,
  DATASET_DIGEST,
  definition,
  MODEL,
  STABLE_DIGEST,
  type TestWorld,
} from '../testing/test-world.ts';
import { decideAbort, decideRevert } from './abort.ts';
import { decideAdopt } from './adopt.ts';
import { decideApply } from './apply.ts';
import { decideForget } from './forget.ts';
import { superviseRollout } from './supervise-rollout.ts';

type State = RunnerStatus['models'][number]['versions'][number]['state'];

/** A runner with the stable version in a state. */
function withStable(
  state: State,
  { digest = STABLE_DIGEST, runner = 'gpu-runner-0', version = '0.9' } = {},
): RunnerStatus {
  const served = { version, digest, dataset: DATASET_DIGEST };
  return {
    runner,
    roles: ['serve'],
    at: '2026-01-01T00:00:00.000Z',
    url: '',
    models: [
      {
        model: MODEL,
        rolloutSeq: 1,
        confirmed: true,
        stable: state === 'ready' ? served : null,
        versions: [{ ...served, state, detail: 'CVE_BUNDLE_ONNX_INVALID: broken', share: 1, mode: 'live' }],
      },
    ],
  };
}

/** 0.9 adopted, no rollout open. */
function adoptedWorld(): TestWorld {
  const t = appliedWorld();
  t.appendRollout(decideAbort(t.state, 'op', 'none', t.facts()));
  return t;
}

function tick(t: TestWorld, ...runners: RunnerStatus[]): string[] {
  const around = {
    world: t.world,
    runners,
    verdicts: [],
    served: undefined,
    summary: undefined,
    split: undefined,
    candidateRequests: 0,
  };
  const rules = { tallyRules: RULES, noGoSeconds: 3600, readyTimeoutSeconds: 300 };
  const events = superviseRollout(t.state, { ...around, ...rules }, t.facts());
  t.appendRollout(events);
  return events.map(({ type }) => type);
}

const adopt = (t: TestWorld, version: string, ...runners: RunnerStatus[]) =>
  t.appendRollout(
    decideAdopt(t.world, rolloutsOf(t.world, MODEL), { version, dataset: 'queries', by: 'op' }, t.facts(), runners),
  );

test('an adopted version is known to serve once a runner has it ready, and told once', () => {
  const t = adoptedWorld();
  assert.deepEqual(tick(t, withStable('loading')), []);
  assert.equal(t.state.stable?.servedAt, undefined);
  assert.deepEqual(tick(t, withStable('failed'), withStable('ready', { runner: 'gpu-runner-1' })), [
    'rollout.stable_serving',
  ]);
  assert.notEqual(t.state.stable?.servedAt, undefined);
  assert.deepEqual(tick(t, withStable('ready')), []);
  assert.throws(() => adopt(t, '1.0'), { code: 'CVE_ROLLOUT_CONFLICT' });
});

test('a version that never served may be replaced, and is no version to go back to', () => {
  const t = adoptedWorld();
  tick(t, withStable('failed'));
  adopt(t, '1.0', withStable('failed'));
  assert.equal(t.state.stable?.version, '1.0');
  assert.equal(t.state.previousStable, undefined);
  assert.deepEqual(decideRevert(t.state, 'op', 'r', t.facts()), [], 'there is nothing to go back to');
});

test('a version that a runner has ready is not replaced, though no leader has told so yet', () => {
  const t = adoptedWorld();
  assert.throws(() => adopt(t, '1.0', withStable('ready')), { code: 'CVE_ROLLOUT_CONFLICT' });
});

test('a rollout over a stable version that cannot be loaded and never served is refused with the reason', () => {
  const t = adoptedWorld();
  const apply = (...runners: RunnerStatus[]) =>
    decideApply(t.world, t.state, definition(), 'op', 1, t.facts(), true, runners);
  assert.throws(() => apply(withStable('failed')), /CVE_ROLLOUT_INVALID: .*gpu-runner-0 cannot load 0\.9: .*broken/);
  assert.equal(apply(withStable('loading')).length, 1);
  assert.equal(apply(withStable('failed'), withStable('ready', { runner: 'gpu-runner-1' })).length, 1);
});

test('desired against served: what each runner says of the stable version', () => {
  const t = adoptedWorld();
  const old = withStable('ready', { digest: CANDIDATE_DIGEST, version: '1.0', runner: 'b' });
  const runners = [withStable('failed', { runner: 'c' }), old, withStable('ready', { runner: 'a' })];
  assert.deepEqual(
    servingOf(t.state, runners).map(({ runner, state, answers }) => [runner, state, answers]),
    [
      ['a', 'serving', '0.9'],
      ['b', 'behind', '1.0'],
      ['c', 'failed', null],
    ],
  );
});

test('what cannot be served is forgotten, and begins anew with another adopt', () => {
  const t = adoptedWorld();
  const forget = (...runners: RunnerStatus[]) =>
    decideForget(rolloutsOf(t.world, MODEL), 'broken', 'op', t.facts(), runners);
  assert.throws(() => forget(withStable('ready')), /CVE_ROLLOUT_CONFLICT: search serves \(0\.9 on gpu-runner-0\)/);
  const { stageEpoch } = t.state;
  t.appendRollout(forget(withStable('failed')));
  assert.equal(t.world.rollouts[MODEL], undefined);
  assert.notEqual(rolloutsOf(t.world, MODEL).forgotten, undefined);
  assert.deepEqual(forget(withStable('failed')), []);
  adopt(t, '1.0');
  assert.deepEqual([t.state.stable?.version, t.state.forgotten, t.state.stageEpoch], ['1.0', undefined, stageEpoch]);
  assert.equal(t.world.forgotten[MODEL], undefined);
});

test('a model that has served is forgotten only when a runner says that it cannot be loaded any more, and with no rollout open', () => {
  const t = adoptedWorld();
  tick(t, withStable('ready'));
  const forget = (...runners: RunnerStatus[]) => decideForget(t.state, 'broken', 'op', t.facts(), runners);
  assert.throws(() => forget(), /no runner says that it cannot be loaded/);
  assert.throws(() => forget(withStable('loading')), { code: 'CVE_ROLLOUT_CONFLICT' });
  assert.equal(forget(withStable('failed')).length, 1);
  t.appendRollout(decideApply(t.world, t.state, definition(), 'op', 1, t.facts(), true));
  assert.throws(() => forget(withStable('failed')), /is open; end it first/);
});

test('a rollout that is open over a stable version that never served ends when the model is forgotten', () => {
  const t = appliedWorld();
  assert.notEqual(openRollout(t.state), undefined);
  const events = decideForget(t.state, 'broken', 'op', t.facts(), [withStable('failed')]);
  assert.deepEqual(
    events.map(({ type }) => type),
    ['rollout.aborted', 'rollout.forgotten'],
  );
  t.appendRollout(events);
  assert.equal(t.world.rollouts[MODEL], undefined);
});

test('a model without any record is unknown', () => {
  const t = adoptedWorld();
  assert.throws(() => decideForget(rolloutsOf(t.world, 'other'), 'r', 'op', t.facts(), []), {
    code: 'CVE_ROLLOUT_UNKNOWN',
  });
});

test('nobody being there is not the candidate’s failure, and a runner that has just started has its time', () => {
  const t = appliedWorld();
  t.entered('shadow');
  t.advance(3600);
  assert.deepEqual(tick(t), []);
  const started = { ...withStable('loading'), startedAt: t.now.toISOString() };
  assert.deepEqual(tick(t, started), []);
  t.advance(301);
  assert.deepEqual(tick(t, started), ['rollout.aborted']);
});
