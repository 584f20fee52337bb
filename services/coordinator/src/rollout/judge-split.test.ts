import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RolloutEvent, type RunnerStatus, type StageName, shareOf } from '@conclave/contracts';
import { openRollout } from '@conclave/core';
import {
  addCandidateWindow,
  addStableWindow,
  emptyStageTelemetry,
  type StageTelemetry,
} from '../gates/stage-telemetry.ts';
import { runner, window } from '../testing/given-evidence.ts';
import { RULES } from '../testing/simulation.ts';
import { appliedWorld, CANDIDATE_DIGEST, STABLE_DIGEST, type TestWorld } from '../testing/test-world.ts';
import { judgeSplit } from './judge-split.ts';
import { rolloutEventOf } from './rollout-event.ts';
import { superviseRollout } from './supervise-rollout.ts';

/** The candidate in a stage, served by its runners. */
function inStage(stage: StageName, runners: string[] = ['gpu-runner-0']): TestWorld {
  const t = appliedWorld();
  const { rolloutId } = openRollout(t.state) ?? assert.fail('no rollout is open');
  t.appendRollout([
    rolloutEventOf(t.facts(), 'rollout.stage_entered', {
      ...{ rolloutId, stage, stageEpoch: 1, share: shareOf(stage), requestedBy: 'a' },
    }),
    rolloutEventOf(t.facts(), 'rollout.stage_serving', { rolloutId, stageEpoch: 1, runners }),
  ]);
  return t;
}

interface Served {
  readonly candidate: number;
  readonly stable: number;
  readonly runner?: string;
  readonly dominantKey?: number;
  readonly excluded?: string;
}

function telemetryOf(t: TestWorld, ...served: readonly Served[]): StageTelemetry {
  return served.reduce<StageTelemetry>(
    (sum, { candidate, stable, runner: name = 'gpu-runner-0', dominantKey, excluded }) => {
      const common = { latencyMs: 3, ...(excluded === undefined ? {} : { excluded }) };
      const ofStable = window(t, { ...common, requests: stable, digest: STABLE_DIGEST });
      const ofCandidate = window(t, { ...common, requests: candidate });
      const key = dominantKey === undefined ? {} : { dominantKey };
      const withStable = addStableWindow(sum, { ...ofStable, runner: name });
      return addCandidateWindow(withStable, { ...ofCandidate, runner: name, ...key }, 100, 120);
    },
    emptyStageTelemetry(CANDIDATE_DIGEST, 1),
  );
}

function reportOf(t: TestWorld, served: readonly Served[], runners: readonly RunnerStatus[] = [runner(t, 'ready')]) {
  const rollout = openRollout(t.state) ?? assert.fail('no rollout is open');
  return judgeSplit(rollout, telemetryOf(t, ...served), runners) ?? assert.fail('no split');
}

function supervised(t: TestWorld, served: readonly Served[]): RolloutEvent[] {
  return superviseRollout(
    t.state,
    {
      ...{ world: t.world, runners: [runner(t, 'ready')], verdicts: [], served: undefined, summary: undefined },
      ...{
        split: reportOf(t, served),
        tallyRules: RULES,
        noGoSeconds: 3600,
        readyTimeoutSeconds: 300,
        candidateRequests: 300,
      },
    },
    t.facts(),
  );
}

test('a split as asked has nothing to say', () => {
  const { measured, sentences, excess } = reportOf(inStage('5_percent'), [{ candidate: 52, stable: 948 }]);
  assert.deepEqual([measured, sentences, excess], [0.052, [], undefined]);
  assert.equal(reportOf(inStage('5_percent'), []).measured, null);
});

test('shadow and production ask for no split', () => {
  for (const stage of ['shadow', 'production'] as const) {
    const t = inStage(stage);
    const rollout = openRollout(t.state) ?? assert.fail();
    assert.equal(judgeSplit(rollout, telemetryOf(t, { candidate: 100, stable: 0 }), []), undefined);
  }
});

test('a share far above the asked one stops the rollout, with the figures', () => {
  const t = inStage('5_percent');
  const events = supervised(t, [{ candidate: 300, stable: 0 }]);
  const [aborted] = events.filter((event) => event.type === 'rollout.aborted');
  assert.equal(aborted?.data.by, 'coordinator');
  assert.match(
    aborted?.data.reason ?? '',
    /^split: 5% of the live requests were asked for, and 1\.0 answered 300 of 300 \(100%\): far more than chance/,
  );
  t.appendRollout(events);
  assert.equal(openRollout(t.state), undefined);
});

test('requests of a rollback test are no part of it', () => {
  const { excess, measured } = reportOf(inStage('5_percent'), [
    { candidate: 300, stable: 0, excluded: 'rollback_test e' },
  ]);
  assert.deepEqual([excess, measured], [undefined, null]);
});

for (const [candidate, stable, why] of [
  [3, 0, 'few requests'],
  [8, 22, 'what one runner may give at the start'],
  [60, 940, 'a share that is not far above'],
  [62_000, 938_000, 'less than a quarter above, however sure'],
] as const) {
  test(`${candidate} of ${candidate + stable} at 5% stop nothing: ${why}`, () => {
    assert.equal(reportOf(inStage('5_percent'), [{ candidate, stable }]).excess, undefined);
  });
}

test('what sound runners may give with hostile keys stops nothing, at any number of requests and runners', () => {
  for (const count of [1, 2, 4, 8]) {
    const names = Array.from({ length: count }, (_, i) => `gpu-runner-${i}`);
    for (const [stage, share] of [
      ['5_percent', 0.05],
      ['20_percent', 0.2],
      ['50_percent', 0.5],
    ] as const) {
      for (const n of [1, 3, 10, 30, 100, 1000, 10_000, 100_000]) {
        const most = Math.min(n, Math.floor(share * n + 3 * Math.sqrt(Math.min(n, 10_000) * share * (1 - share)) + 1));
        const served = names.map((name) => ({ candidate: most, stable: n - most, runner: name }));
        assert.equal(reportOf(inStage(stage, names), served).excess, undefined, `${count} x ${most} of ${n}`);
      }
    }
  }
});

test('independent requests at the asked share stop nothing, at every look', () => {
  let state = 1;
  const random = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  const t = inStage('5_percent');
  const rollout = openRollout(t.state) ?? assert.fail();
  for (let stage = 0; stage < 20; stage++) {
    let telemetry = emptyStageTelemetry(CANDIDATE_DIGEST, 1);
    for (let look = 0; look < 300; look++) {
      const candidate = Array.from({ length: 20 }, random).filter((point) => point < 0.05).length;
      telemetry = {
        ...telemetry,
        candidateLiveRequests: telemetry.candidateLiveRequests + candidate,
        stableRequests: telemetry.stableRequests + 20 - candidate,
        runners: { 'gpu-runner-0': { requests: 20 * (look + 1), dominantKey: 0 } },
      };
      assert.deepEqual(judgeSplit(rollout, telemetry, [])?.sentences, []);
    }
  }
});

test('a stage that does not get its share says why', () => {
  const t = inStage('20_percent');
  const served = [{ candidate: 5, stable: 995 }];
  const sentenceOf = (...runners: RunnerStatus[]) => reportOf(t, served, runners).sentences[0] ?? '';
  assert.match(
    sentenceOf(runner(t, 'loading')),
    /^20% .* 1\.0 answered 5 of 1000 \(0\.5%\): on gpu-runner-0 it is loading/,
  );
  assert.match(sentenceOf({ ...runner(t, 'ready'), models: [] }), /gpu-runner-0 does not serve it$/);
  const [model] = runner(t, 'ready').models;
  const deaf = { ...runner(t, 'ready'), models: model === undefined ? [] : [{ ...model, confirmed: false }] };
  assert.match(sentenceOf(deaf), /gpu-runner-0 hears no leader and serves stable only$/);
  assert.match(sentenceOf(runner(t, 'ready')), /what is lacking is not made up$/);
  assert.equal(reportOf(t, served).excess, undefined);
});

test('one client key for all requests is said', () => {
  const [sentence] = reportOf(inStage('5_percent'), [{ candidate: 50, stable: 950, dominantKey: 1 }]).sentences;
  assert.match(sentence ?? '', /^all requests carry one client key/);
  const [most] = reportOf(inStage('5_percent'), [{ candidate: 50, stable: 950, dominantKey: 0.9 }]).sentences;
  assert.match(most ?? '', /^90% of the requests carry one client key/);
});
