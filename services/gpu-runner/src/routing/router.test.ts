import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConclaveError, type TelemetryWindow } from '@conclave/contracts';
import type { Retrieved } from '../statistics/ndcg.ts';
import { DATASET, desiring, digestOfVersion } from '../testing/desired-traffic.ts';
import { FakeVersion } from '../testing/fake-version.ts';
import { Router, type Target } from './router.ts';
import { splitPoint } from './split-requests.ts';

const KEYS = Array.from({ length: 200 }, (_, i) => `client-${i}`);
const ofCandidate = (share: number) => KEYS.filter((key) => splitPoint('tiny', key) < share);
const request = (key?: string) => ({ queries: ['left'], k: 1, key });
const heard = (seq: number, leaderEpoch = 1) => ({ model: 'tiny', seq, leader: 'coordinator-0', leaderEpoch });

/** Lets a version answer only when the test says so. */
function holdAnswers(version: FakeVersion): PromiseWithResolvers<Retrieved[][]>[] {
  const held: PromiseWithResolvers<Retrieved[][]>[] = [];
  version.answer = () => {
    const answer = Promise.withResolvers<Retrieved[][]>();
    held.push(answer);
    return answer.promise;
  };
  return held;
}

function setUp() {
  const stable = new FakeVersion('1.0');
  const candidate = new FakeVersion('1.1');
  const windows: TelemetryWindow[] = [];
  const clock = { now: 0 };
  const byDigest = new Map<string, Target>([
    [digestOfVersion('1.0'), stable],
    [digestOfVersion('1.1'), candidate],
  ]);
  const router = new Router({
    runner: 'runner-0',
    model: 'tiny',
    desiredConfirmationTimeoutMs: 5000,
    targetOf: ({ digest, dataset }) => (dataset === DATASET ? byDigest.get(digest) : undefined),
    onWindows: (closed) => void windows.push(...closed),
    now: () => clock.now,
    wallClock: () => clock.now,
  });
  const versions = async () => await Promise.all(KEYS.map(async (key) => (await router.search(request(key))).version));
  const counted = (version: string) => {
    router.rollWindows();
    const sum = (field: 'requests' | 'errors') =>
      windows.filter((w) => w.version === version).reduce((total, w) => total + w[field], 0);
    return { requests: sum('requests'), errors: sum('errors') };
  };
  return { router, stable, candidate, windows, clock, versions, counted };
}

describe('router', () => {
  it('sends exactly the keys below the share to the candidate', async () => {
    const { router, versions } = setUp();
    router.apply(desiring(10, { share: 0.5 }));
    router.hear(heard(10));
    assert.deepEqual(
      await versions(),
      KEYS.map((key) => (splitPoint('tiny', key) < 0.5 ? '1.1' : '1.0')),
    );
    router.apply(desiring(11, { share: 1, stageEpoch: 2 }));
    assert.deepEqual(new Set(await versions()), new Set(['1.1']));
  });

  it('keeps those on the candidate there when the share rises', async () => {
    const { router, versions } = setUp();
    let before: readonly string[] = [];
    for (const [index, share] of [0.05, 0.2, 0.5, 1].entries()) {
      const seq = 10 + index;
      router.apply(desiring(seq, { share, stageEpoch: index + 1 }));
      router.hear(heard(seq));
      const served = await versions();
      const onCandidate = KEYS.filter((_, i) => served[i] === '1.1');
      assert.ok(onCandidate.length > before.length, `${share} brings some to the candidate`);
      assert.deepEqual(
        before.filter((key) => !onCandidate.includes(key)),
        [],
        `${share} takes nobody off it`,
      );
      before = onCandidate;
    }
  });

  it('serves stable only until the desired state is confirmed, and again when silence lasts', async () => {
    const { router, clock, versions } = setUp();
    router.apply(desiring(10, { share: 1 }));
    assert.deepEqual(new Set(await versions()), new Set(['1.0']));
    router.hear(heard(9));
    assert.deepEqual(new Set(await versions()), new Set(['1.0']));
    router.hear(heard(10));
    assert.deepEqual(new Set(await versions()), new Set(['1.1']));
    clock.now = 4999;
    assert.deepEqual(new Set(await versions()), new Set(['1.1']));
    clock.now = 5000;
    assert.deepEqual(new Set(await versions()), new Set(['1.0']));
  });

  it('says nothing of a candidate that it does not serve because nobody confirms it', () => {
    const { router, clock, windows } = setUp();
    router.apply(desiring(10, { share: 0.5 }));
    router.hear(heard(10));
    clock.now = 1000;
    router.rollWindows();
    assert.deepEqual(new Set(windows.map(({ version }) => version)), new Set(['1.0', '1.1']));
    windows.length = 0;
    for (clock.now = 6000; clock.now < 20_000; clock.now += 1000) router.rollWindows();
    assert.deepEqual(new Set(windows.map(({ version }) => version)), new Set(['1.0']));
  });

  it('ignores an old leader that wakes and confirms an older sequence', async () => {
    const { router, clock, versions } = setUp();
    router.apply(desiring(10, { share: 1 }));
    router.hear(heard(12, 2));
    clock.now = 3000;
    router.hear(heard(10, 1));
    assert.deepEqual(new Set(await versions()), new Set(['1.0']));
  });

  it('serves stable while the candidate is not ready', async () => {
    const { router, candidate, versions } = setUp();
    router.apply(desiring(10, { share: 1 }));
    router.hear(heard(10));
    candidate.state = 'restarting';
    assert.deepEqual(new Set(await versions()), new Set(['1.0']));
    assert.equal(candidate.asked, 0);
  });

  it('switches the candidate off at once when the rollout is aborted or the journal cannot be followed', async () => {
    for (const off of ['abort', 'halt'] as const) {
      const { router, versions } = setUp();
      router.apply(desiring(10, { share: 1 }));
      router.hear(heard(10));
      assert.deepEqual(new Set(await versions()), new Set(['1.1']));
      if (off === 'abort') router.apply(desiring(11));
      else router.halt();
      assert.deepEqual(new Set(await versions()), new Set(['1.0']));
    }
  });

  for (const code of [
    'CVE_INFER_FAILED',
    'CVE_INFER_OVERLOADED',
    'CVE_INFER_NOT_READY',
    'CVE_INFER_INVALID',
  ] as const) {
    it(`answers from stable what the candidate fails with ${code}, and counts it as the candidate’s error`, async () => {
      const { router, candidate, versions, counted } = setUp();
      candidate.failing(code);
      router.apply(desiring(10, { share: 0.5 }));
      router.hear(heard(10));
      assert.deepEqual(new Set(await versions()), new Set(['1.0']));
      const sent = ofCandidate(0.5).length;
      assert.equal(router.counts.retriedOnStable, sent);
      assert.deepEqual(counted('1.1'), { requests: sent, errors: sent });
      assert.deepEqual(counted('1.0'), { requests: KEYS.length - sent, errors: 0 });
    });
  }

  it('counts a request that no version could take for none', async () => {
    const { router, stable, candidate, counted } = setUp();
    stable.failing('CVE_INFER_INVALID');
    candidate.failing('CVE_INFER_INVALID');
    router.apply(desiring(10, { share: 0.5 }));
    router.hear(heard(10));
    for (const key of KEYS) await assert.rejects(router.search(request(key)), { code: 'CVE_INFER_INVALID' });
    assert.deepEqual(counted('1.0'), { requests: 0, errors: 0 });
    assert.deepEqual(counted('1.1'), { requests: 0, errors: 0 });
  });

  it('mirrors in shadow without delaying an answer', async () => {
    const { router, candidate, windows, clock } = setUp();
    const held = holdAnswers(candidate);
    router.apply(desiring(10, { mirror: true }));
    router.hear(heard(10));
    assert.equal((await router.search(request('a'))).version, '1.0');
    assert.equal(candidate.asked, 0);
    await new Promise(setImmediate);
    assert.equal(candidate.asked, 1);
    clock.now = 300;
    held[0]?.resolve([[]]);
    assert.equal((await router.search(request('b'))).version, '1.0');
    await new Promise(setImmediate);
    held[1]?.reject(new ConclaveError('CVE_INFER_FAILED', 'told to'));
    await new Promise(setImmediate);
    router.rollWindows();
    const mirrored = windows.find(({ mode }) => mode === 'mirror');
    assert.deepEqual([mirrored?.version, mirrored?.requests, mirrored?.errors, mirrored?.withinSlo], ['1.1', 2, 1, 0]);
  });

  it('copies only a sample to a busy candidate, and counts what it misses once it is too slow', async () => {
    const { router, candidate, clock, counted } = setUp();
    const held = holdAnswers(candidate);
    router.apply(desiring(10, { mirror: true }, 50));
    router.hear(heard(10));
    const copies = async (count: number) => {
      for (let i = 0; i < count; i++) assert.equal((await router.search(request())).version, '1.0');
      await new Promise(setImmediate);
    };
    await copies(7);
    assert.deepEqual([candidate.asked, router.counts.mirrorsDropped], [4, 3]);
    assert.deepEqual(counted('1.1'), { requests: 0, errors: 0 });
    clock.now = 51;
    await copies(2);
    assert.deepEqual([candidate.asked, router.counts.mirrorsDropped], [4, 5]);
    assert.deepEqual(counted('1.1'), { requests: 2, errors: 2 });
    for (const answer of held) answer.resolve([[]]);
    await new Promise(setImmediate);
    assert.deepEqual(counted('1.1'), { requests: 6, errors: 2 });
  });

  it('closes windows when epoch, share or a test changes', async () => {
    const { router, windows, clock } = setUp();
    router.apply(desiring(10, { share: 0.05, stageEpoch: 1 }));
    router.hear(heard(10));
    const changes = [
      () => router.apply(desiring(11, { share: 0.05, stageEpoch: 2 })),
      () => router.apply(desiring(12, { share: 0.2, stageEpoch: 2 })),
      () => router.setTest({ evaluationId: 'e', phase: 'stable_only' }),
      () => router.setTest(undefined),
    ];
    for (const change of changes) {
      windows.length = 0;
      clock.now += 100;
      change();
      assert.equal(windows.filter(({ version }) => version === '1.0').length, 1, String(change));
      assert.ok(windows.every(({ to }) => to === new Date(clock.now).toISOString()));
    }
  });

  it('counts in the open window what ends after readiness, confirmation or the journal was lost', async () => {
    for (const [share, answered] of [
      [1, '1.1'],
      [0, '1.0'],
    ] as const) {
      const { router, stable, candidate, clock, counted } = setUp();
      const held = holdAnswers(share === 1 ? candidate : stable);
      router.apply(desiring(10, { share }));
      router.hear(heard(10));
      const asked = [request('a'), request('b')].map((one) => router.search(one));
      candidate.state = 'restarting';
      router.refresh();
      clock.now = 5000;
      router.refresh();
      router.halt();
      held[0]?.reject(new ConclaveError('CVE_INFER_FAILED', 'crashed'));
      held[1]?.resolve([[]]);
      await Promise.allSettled(asked);
      assert.deepEqual(counted(answered), { requests: 2, errors: 1 });
      assert.equal(router.lateRequests, 0);
    }
  });

  it('answers a named version without counting it, also while another serves', async () => {
    const { router, windows, counted } = setUp();
    router.apply(desiring(10, { share: 0 }));
    assert.equal((await router.searchVersion('1.1', request())).answers[0]?.[0]?.id, '1.1');
    await assert.rejects(
      router.searchVersion('9', request()),
      /CVE_MODEL_UNKNOWN: tiny 9 is not served here; served: 1.0, 1.1/,
    );
    assert.deepEqual(counted('1.1'), { requests: 0, errors: 0 });
    assert.equal(
      windows.every(({ requests }) => requests === 0),
      true,
    );
  });
});
