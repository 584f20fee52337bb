import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { until } from '@conclave/bus/testing';
import type { ErrorCode, StageName } from '@conclave/contracts';
import { type Clock, systemClock } from '@conclave/service';
import { Router } from '../routing/router.ts';
import type { TestInProgress } from '../routing/traffic.ts';
import { desiring, digestOfVersion } from '../testing/desired-traffic.ts';
import { FakeVersion } from '../testing/fake-version.ts';
import { aborted, inStage, VERSIONS } from '../testing/rollouts.ts';
import { type Serving, startServing } from '../testing/serving.ts';
import { textBundle } from '../testing/tiny-bundle.ts';
import { differenceOf } from './compare-answers.ts';
import { runRollbackTest, untilFits } from './rollback-test.ts';

const bundles = { '1.0': textBundle('1.0'), '1.1': textBundle('1.1', { wrong: true }) };
const started: Serving[] = [];
after(async () => {
  for (const serving of started) await serving[Symbol.asyncDispose]();
});

async function serving(stage: StageName, stageEpoch: number) {
  const { models, windows, serve, ...rest } = startServing(bundles);
  started.push({ models, windows, serve, ...rest });
  serve(inStage(stage));
  const router = models.router('tiny');
  const isReady = () => router.target('stable')?.state === 'ready' && router.target('candidate')?.state === 'ready';
  await until(isReady, 'both versions ready');
  const request = {
    kind: 'rollback_test' as const,
    model: 'tiny',
    version: '1.1',
    digest: VERSIONS['1.1'],
    rolloutId: 'r-1',
    stageEpoch,
    runner: 'runner-0',
  };
  return { models, router, windows, request };
}

describe('rollback test', () => {
  it('passes at a live stage under traffic; its windows are no evidence', async () => {
    const { models, router, windows, request } = await serving('50_percent', 4);
    let running = true;
    const duringTest = new Set<string>();
    const users = (async () => {
      for (let i = 0; running; i++) {
        const wasStableOnly = router.test?.phase === 'stable_only';
        const { version } = await router.search({ queries: ['left'], k: 1, key: `user-${i}` });
        if (wasStableOnly) duringTest.add(version);
        await new Promise(setImmediate);
      }
    })();
    const startedAt = performance.now();
    const result = await runRollbackTest(router, 'e-1', request, 5000);
    const tookMs = performance.now() - startedAt;
    running = false;
    await users;
    const { passed, probes, failedProbes, maxDifference, detail } = result;
    assert.deepEqual([passed, probes, failedProbes, maxDifference], [true, 60, 0, 0], detail);
    assert.ok(result.swapToStableMs > 0 && result.swapBackMs > 0 && result.swapToStableMs + result.swapBackMs < tookMs);
    assert.deepEqual([...duringTest], ['1.0']);
    models.rollWindows();
    const excluded = windows.filter((window) => window.excluded !== undefined);
    assert.ok(excluded.every((window) => window.excluded === 'rollback_test e-1'));
    assert.ok(excluded.reduce((sum, { requests }) => sum + requests, 0) >= 40);
    assert.equal(
      windows.reduce((sum, { errors }) => sum + errors, 0),
      0,
    );
    const keys = Array.from({ length: 50 }, (_, i) => `later-${i}`);
    const versions = await Promise.all(keys.map((key) => router.search({ queries: ['left'], k: 1, key })));
    assert.deepEqual([...new Set(versions.map(({ version }) => version))].sort(), ['1.0', '1.1']);
  });

  it('passes in shadow, where the candidate answers nobody', async () => {
    const { router, request } = await serving('shadow', 1);
    const result = await runRollbackTest(router, 'e-2', request, 5000);
    assert.deepEqual([result.passed, result.probes], [true, 40], result.detail);
    assert.equal(router.refresh().mirror, true);
  });

  it('has no result when the rollout ends meanwhile, and leaves normal traffic behind', async (t) => {
    const { models, router, request } = await serving('50_percent', 4);
    const began = Promise.withResolvers<void>();
    const setTest = t.mock.method(router, 'setTest', (test: TestInProgress | undefined) => {
      setTest.mock.restore();
      router.setTest(test);
      began.resolve();
    });
    const testing = assert.rejects(
      runRollbackTest(router, 'e-3', request, 5000),
      /CVE_ROLLOUT_CONFLICT.*none is under way/,
    );
    await began.promise;
    models.apply([aborted()]);
    await testing;
    assert.equal(router.test, undefined);
    assert.equal(router.refresh().excluded, undefined);
  });

  it('is refused for another epoch or digest, and while the desired state is not confirmed', async () => {
    const { models, router, request } = await serving('5_percent', 2);
    const run = (change: object) => runRollbackTest(router, 'e-4', { ...request, ...change }, 5000);
    await assert.rejects(
      run({ stageEpoch: 1 }),
      /CVE_ROLLOUT_CONFLICT.*asks for rollout r-1, epoch 1.*serves rollout r-1, epoch 2/,
    );
    await assert.rejects(run({ digest: VERSIONS['1.0'] }), { code: 'CVE_ROLLOUT_CONFLICT' });
    models.apply([aborted()]);
    await assert.rejects(run({}), /CVE_ROLLOUT_CONFLICT.*none is under way/);
  });
});

/** A clock that goes on by so much each time that somebody looks, and on which pauses pass at once. */
function racing(stepMs: number): Clock {
  let elapsedMs = 0;
  return { ...systemClock, monotonicMs: () => (elapsedMs += stepMs), after: (_ms, then) => systemClock.after(0, then) };
}

describe('rollback test at a bad moment', () => {
  /** A test at half the traffic. */
  function setUp() {
    const [stable, candidate] = [new FakeVersion('1.0'), new FakeVersion('1.1')];
    stable.probes = ['left', 'right'];
    const clock = { now: 0 };
    const router = new Router({
      runner: 'runner-0',
      model: 'tiny',
      desiredConfirmationTimeoutMs: 5000,
      targetOf: ({ digest }) => (digest === digestOfVersion('1.0') ? stable : candidate),
      onWindows: () => {},
      now: () => clock.now,
    });
    router.apply(desiring(10, { share: 0.5, stageEpoch: 4 }));
    router.hear({ model: 'tiny', seq: 10, leader: 'coordinator-0', leaderEpoch: 1 });
    const request = {
      kind: 'rollback_test' as const,
      model: 'tiny',
      version: '1.1',
      digest: digestOfVersion('1.1'),
      rolloutId: 'r-1',
      stageEpoch: 4,
      runner: 'runner-0',
    };
    return {
      router,
      request,
      stable,
      candidate,
      clock,
      run: (time?: Clock) => runRollbackTest(router, 'e', request, 5000, time),
    };
  }
  /** Does something when a version is asked for the so-many-th time. */
  const whenAsked = (version: FakeVersion, count: number, happens: () => void) => {
    const { answer } = version;
    version.answer = () => {
      if (version.asked === count) happens();
      return answer();
    };
  };
  /** Probes of each phase: before the swap, during it, and after it of the candidate and of stable. */
  const PROBES = 20;

  const moments: Record<string, [(scene: ReturnType<typeof setUp>) => unknown, ErrorCode]> = {
    'the confirmation lapses': [({ clock }) => (clock.now += 5000), 'CVE_INFER_NOT_READY'],
    'the journal is lost': [({ router }) => router.halt(), 'CVE_INFER_NOT_READY'],
    'the candidate restarts': [({ candidate }) => (candidate.state = 'restarting'), 'CVE_INFER_NOT_READY'],
    'the next stage is entered': [
      ({ router }) => router.apply(desiring(11, { share: 1, stageEpoch: 5 })),
      'CVE_ROLLOUT_CONFLICT',
    ],
    'another stable version is still loading': [
      ({ router }) => router.apply(router.desired, { ...stableOf(router), version: '0.9' }),
      'CVE_INFER_NOT_READY',
    ],
    'another stable version takes over': [
      ({ router }) => {
        const { desired } = router;
        const stable = { ...stableOf(router), version: '0.9', dataset: `sha256:${'e'.repeat(64)}` };
        router.apply({ ...desired, stable });
      },
      'CVE_INFER_NOT_READY',
    ],
    'stable crashes': [
      ({ stable }) => {
        stable.failing('CVE_INFER_FAILED');
        stable.state = 'restarting';
      },
      'CVE_INFER_NOT_READY',
    ],
    'the candidate is replaced': [({ candidate }) => candidate.failing('CVE_INFER_NOT_READY'), 'CVE_INFER_NOT_READY'],
  };
  const stableOf = (router: Router) => router.desired.stable ?? assert.fail('no stable version');
  for (const [name, [happens, code]] of Object.entries(moments)) {
    it(`has no result when ${name}`, async () => {
      const scene = setUp();
      whenAsked(scene.stable, PROBES + 1, () => {
        assert.equal(scene.router.test?.phase, 'stable_only');
        happens(scene);
      });
      await assert.rejects(scene.run(), { code });
      assert.equal(scene.router.test, undefined);
    });
  }

  it('waits a little for a stable version that is still loading, and then has a result', async () => {
    const scene = setUp();
    const { router, request } = scene;
    router.apply(router.desired, { ...stableOf(router), version: '0.9' });
    const waiting = untilFits(router, request);
    router.apply(router.desired);
    await waiting;
    assert.equal((await scene.run()).passed, true);
  });

  it('cannot be run while a version keeps loading, or is another than asked for', async () => {
    const { router, candidate, request } = setUp();
    candidate.state = 'loading';
    await assert.rejects(untilFits(router, { ...request, stageEpoch: 3 }), { code: 'CVE_ROLLOUT_CONFLICT' });
    await assert.rejects(untilFits(router, request, racing(5000)), /CVE_INFER_NOT_READY: candidate is loading/);
  });

  it('asks a probe again that met a full queue, for a while', async () => {
    const { run, stable, candidate } = setUp();
    for (const version of [stable, candidate]) {
      const { answer } = version;
      let full = 3;
      version.answer = () => (full-- > 0 ? new FakeVersion('').failing('CVE_INFER_OVERLOADED').answer() : answer());
    }
    const { passed, probes, detail } = await run();
    assert.deepEqual([passed, probes], [true, 3 * PROBES], detail);
  });

  it('has no result when the queue stays full', async () => {
    const { run, candidate } = setUp();
    candidate.failing('CVE_INFER_OVERLOADED');
    await assert.rejects(run(racing(1000)), { code: 'CVE_INFER_OVERLOADED' });
  });

  it('fails when the candidate fails a probe after the swap back', async () => {
    const { run, candidate } = setUp();
    candidate.failing('CVE_INFER_FAILED');
    const { passed, failedProbes, detail } = await run();
    assert.deepEqual([passed, failedProbes], [false, PROBES]);
    assert.match(detail, /after the swap back answered by 1.0 instead of 1.1/);
  });
});

describe('difference of two answers', () => {
  const answer = (...scores: [string, number][]) => scores.map(([id, score]) => ({ id, score }));

  it('lets equal scores change places, also at the cut-off', () => {
    const a = answer(['a', 0.9], ['b', 0.50001], ['c', 0.5]);
    assert.deepEqual(differenceOf(a, answer(['a', 0.9], ['c', 0.5], ['b', 0.5]), 1e-4).sameDocuments, true);
    assert.deepEqual(differenceOf(a, answer(['a', 0.9], ['b', 0.5], ['d', 0.5]), 1e-4).sameDocuments, true);
  });

  it('sees other documents, scores and lengths', () => {
    const a = answer(['a', 0.9], ['b', 0.5]);
    assert.equal(differenceOf(a, answer(['x', 0.9], ['b', 0.5]), 1e-4).sameDocuments, false);
    assert.ok(Math.abs(differenceOf(a, answer(['a', 0.8], ['b', 0.5]), 1e-4).score - 0.1) < 1e-9);
    assert.equal(differenceOf(a, answer(['a', 0.9]), 1e-4).sameDocuments, false);
  });

  it('measures large scores in parts of themselves', () => {
    const a = answer(['a', -9000], ['b', -9000.3], ['c', -9000.4]);
    const b = answer(['b', -9000.2], ['a', -9000.3], ['d', -9000.4]);
    const { score, sameDocuments } = differenceOf(a, b, 1e-4);
    assert.ok(Math.abs(score - 0.2 / 9000) < 1e-9, `${score}`);
    assert.equal(sameDocuments, true);
    assert.equal(differenceOf(a, answer(['x', -8990], ['b', -9000.3], ['c', -9000.4]), 1e-4).sameDocuments, false);
  });
});
