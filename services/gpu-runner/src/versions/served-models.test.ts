import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { until } from '@conclave/bus/testing';
import { ConclaveError, type RunnerStatus, runnerStatus, sha256 } from '@conclave/contracts';
import { initialRollouts, servingOf } from '@conclave/core';
import { aborted, adopted, completed, inStage, reverted, rolledOut, VERSIONS } from '../testing/rollouts.ts';
import { type Serving, startServing } from '../testing/serving.ts';
import { textBundle, vectorBundle } from '../testing/tiny-bundle.ts';
import type { ServedModelsOptions } from './served-models.ts';

const bundles = { '1.0': textBundle('1.0'), '1.1': textBundle('1.1') };

function setUp(options: Partial<ServedModelsOptions> = {}) {
  const serving = startServing(bundles, options);
  started.push(serving);
  const ask = () => serving.models.router('tiny').search({ queries: ['left'], k: 1, key: undefined });
  return { ...serving, ask };
}
const started: Serving[] = [];
after(async () => {
  for (const serving of started) await serving[Symbol.asyncDispose]();
});

/** Process ids of this process's children. */
function children(): number[] {
  const list = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').trim();
  return list.split(' ').map(Number);
}
const gone = (digest: string): Promise<string> => Promise.reject(new ConclaveError('CVE_ARTIFACT_UNKNOWN', digest));

const statusOf = (models: Serving['models']): RunnerStatus => ({
  runner: 'runner-0',
  roles: ['serve'],
  at: '2026-01-01T00:00:00.000Z',
  url: '',
  models: models.status(),
});

describe('what a runner serves', () => {
  it('lets stable alone answer for a model that cannot be read, whenever that is found, and says whom to upgrade', async () => {
    for (const early of [true, false]) {
      const { models, serve, ask } = setUp();
      if (early) models.haltModel('tiny', 'commit 9 has event rollout.teleported');
      models.apply([adopted()]);
      await until(() => models.ready, 'stable ready');
      if (!early) models.haltModel('tiny', 'commit 9 has event rollout.teleported');
      serve(inStage('production'));
      assert.equal(models.status()[0]?.confirmed, false);
      assert.equal((await ask()).version, '1.0');
      assert.match(
        models.detail,
        /tiny is served by stable alone \(CVE_JOURNAL_UNKNOWN_EVENT: commit 9.*upgrade this runner/,
      );
    }
  });

  it('follows a rollout from shadow to production, and never fails a request', async () => {
    const { models, states, serve, ask, windows } = setUp();
    models.apply([adopted()]);
    assert.equal(models.ready, false);
    await assert.rejects(ask(), { code: 'CVE_INFER_NOT_READY' });
    await until(() => models.ready, 'stable ready');
    models.rollWindows();
    windows.length = 0;

    let asking = true;
    const versions: string[] = [];
    const asked = (async () => {
      while (asking) versions.push((await ask()).version);
    })();
    serve(inStage('shadow'));
    await until(() => states().join() === '1.0 ready,1.1 ready', 'candidate ready');
    assert.deepEqual(
      models.status()[0]?.versions.map(({ share, mode, stageEpoch }) => [share, mode, stageEpoch]),
      [
        [1, 'live', undefined],
        [0, 'mirror', 1],
      ],
    );
    const mirrored = () => windows.some(({ mode, requests }) => mode === 'mirror' && requests > 0);
    await until(() => {
      models.rollWindows();
      return mirrored();
    }, 'copies were measured');
    assert.doesNotThrow(() => runnerStatus.shape.models.parse(models.status()));
    serve(inStage('production'));
    await until(() => versions.at(-1) === '1.1', 'candidate answers');
    serve(completed());
    assert.deepEqual(states(), ['1.1 ready']);
    await until(() => versions.length > 50 && versions.slice(-10).every((version) => version === '1.1'), 'new stable');
    asking = false;
    await asked;
    models.rollWindows();
    // A copy that a busy machine had no time for is the candidate's error, not a user's.
    const live = windows.filter(({ mode }) => mode === 'live');
    assert.equal(
      live.reduce((sum, { errors }) => sum + errors, 0),
      0,
    );
  });

  it('goes back to the version before without failing a request, though that has to be loaded first', async () => {
    const { models, states, serve, ask } = setUp();
    serve(completed());
    await until(() => models.ready, 'stable ready');
    assert.equal((await ask()).version, '1.1');
    serve(reverted());
    assert.deepEqual(
      models.status()[0]?.versions.map(({ version, share, mode }) => [version, share, mode]),
      [
        ['1.1', 1, 'live'],
        ['1.0', 0, 'idle'],
      ],
    );
    let answered = '1.1';
    while (answered === '1.1') answered = (await ask()).version;
    assert.equal(answered, '1.0');
    assert.deepEqual(states(), ['1.0 ready']);
  });

  it('takes the candidate off at once when its rollout is aborted', async () => {
    const { states, models, serve, ask } = setUp();
    serve(inStage('production'));
    await until(() => states().join() === '1.0 ready,1.1 ready', 'both ready');
    assert.equal((await ask()).version, '1.1');
    models.apply([aborted()]);
    assert.equal((await ask()).version, '1.0');
    assert.deepEqual(states(), ['1.0 ready']);
  });

  for (const [stage, mode] of [
    ['production', 'live'],
    ['shadow', 'mirror'],
  ] as const) {
    it(`counts what a crash of the candidate breaks off as its error (${mode})`, async () => {
      const { models, states, serve, ask, windows } = setUp();
      serve(adopted());
      await until(() => models.ready, 'stable ready');
      const others = children();
      serve(inStage(stage));
      await until(() => states().join() === '1.0 ready,1.1 ready', 'candidate ready');
      const candidate = children().find((pid) => !others.includes(pid)) ?? assert.fail('no process');
      // It takes the request and does not answer it.
      process.kill(candidate, 'SIGSTOP');
      const asked = ask();
      if (mode === 'mirror') await asked;
      await new Promise(setImmediate);
      process.kill(candidate, 'SIGKILL');
      assert.equal((await asked).version, '1.0');
      await until(() => states()[1] === '1.1 restarting', 'crash noticed');
      models.rollWindows();
      const ofCandidate = windows.filter(({ version, requests }) => version === '1.1' && requests > 0);
      assert.deepEqual(
        ofCandidate.map((window) => [window.mode, window.stageEpoch, window.requests, window.errors]),
        [[mode, stage === 'shadow' ? 1 : 5, 1, 1]],
      );
    });
  }

  it('takes the latency threshold from the rollout’s gate', async () => {
    const { models, windows } = setUp({ sloLatencyMs: 75 });
    models.apply([adopted()]);
    await until(() => models.ready, 'stable ready');
    models.rollWindows();
    assert.equal(windows.at(-1)?.latencyThresholdMs, 75);
    models.apply([rolledOut()]);
    await until(() => {
      models.rollWindows();
      return windows.at(-1)?.latencyThresholdMs === 50;
    }, 'the gate’s threshold of 50 ms');
  });

  it('reports a version that cannot be fetched as failed, with the reason', async () => {
    const { models, states } = setUp({
      fetchDirectory: (digest) =>
        Promise.reject(new ConclaveError('CVE_ARTIFACT_DIGEST_MISMATCH', `artifact ${digest}`)),
    });
    models.apply([adopted()]);
    await until(() => states().join() === '1.0 failed', 'failed');
    assert.match(models.status()[0]?.versions[0]?.detail ?? '', /^CVE_ARTIFACT_DIGEST_MISMATCH/);
  });

  it('fetches again when fetching failed for a reason that may pass', async () => {
    let away = true;
    const { models } = setUp({
      fetchDirectory: (digest) =>
        away ? Promise.reject(new ConclaveError('CVE_BUS_UNAVAILABLE', digest)) : gone(digest),
    });
    models.apply([adopted()]);
    const detail = () => models.status()[0]?.versions[0]?.detail ?? '';
    await until(() => /fetching failed, again in \d+ ms: CVE_BUS_UNAVAILABLE/.test(detail()), 'told');
    away = false;
    await until(() => detail().includes('CVE_ARTIFACT_UNKNOWN'), 'tried again');
  });

  it('tries a stable version that has failed again and again, a candidate not', async () => {
    const broken = { '1.0': vectorBundle('1.0', undefined, { 'query.onnx': 'broken' }) };
    const good = setUp();
    const bad = startServing(broken);
    started.push(bad);
    const fetched: string[] = [];
    const { states, serve } = setUp({
      longestPauseMs: 10,
      async fetchDirectory(digest) {
        fetched.push(digest);
        const asked = fetched.filter((one) => one === VERSIONS['1.0']).length;
        if (digest === VERSIONS['1.1'] || asked === 1) return await gone(digest);
        return await (digest === VERSIONS['1.0'] && asked === 2 ? bad : good).fetchDirectory(digest);
      },
    });
    serve(inStage('shadow'));
    await until(() => states().join() === '1.0 ready,1.1 failed', 'stable ready');
    assert.equal(fetched.filter((one) => one === VERSIONS['1.0']).length, 3);
    assert.equal(fetched.filter((one) => one === VERSIONS['1.1']).length, 1);
  });

  it('says that it is starting until it has read which models there are, then knows only these', () => {
    const { models } = setUp();
    assert.equal(models.ready, false);
    assert.throws(() => models.router('other'), { code: 'CVE_INFER_NOT_READY', retryAfterMs: 1000 });
    models.apply([]);
    assert.equal(models.ready, true);
    assert.throws(
      () => models.router('other'),
      /CVE_MODEL_UNKNOWN: this runner serves no model other; it serves: none/,
    );
  });

  it('keeps the version before loaded for a while, so that a revert is instant, and makes room for a candidate', async () => {
    const long = { keepPreviousSeconds: (Date.now() - Date.parse('2026-01-01')) / 1000 + 3600 };
    const { models, states, serve, ask } = setUp(long);
    serve(completed());
    await until(() => states().join() === '1.1 ready,1.0 ready', 'the version before is loaded after the stable one');
    assert.deepEqual(
      models.status()[0]?.versions.map(({ version, share, mode }) => [version, share, mode]),
      [
        ['1.1', 1, 'live'],
        ['1.0', 0, 'idle'],
      ],
    );
    serve(reverted());
    assert.equal((await ask()).version, '1.0');
    assert.deepEqual(servingOf(reverted(), [statusOf(models)]), [
      { runner: 'runner-0', state: 'serving', answers: '1.0', detail: models.status()[0]?.versions[0]?.detail },
    ]);
    assert.deepEqual(states(), ['1.0 ready']);
  });

  it('tells which version answers while another is loading', async () => {
    const { models, serve } = setUp();
    serve(completed());
    await until(() => models.ready, 'stable ready');
    serve(reverted());
    const [there] = servingOf(reverted(), [statusOf(models)]);
    assert.deepEqual([there?.state, there?.answers], ['loading', '1.1']);
    await until(() => servingOf(reverted(), [statusOf(models)])[0]?.state === 'serving', 'handed over');
  });

  it('is ready for what can be loaded, names what cannot be, and forgets it when told to', async () => {
    const bad = startServing({ '1.0': vectorBundle('1.0', undefined, { 'query.onnx': 'broken' }) });
    started.push(bad);
    const good = setUp();
    const broken = sha256('broken');
    let fetched = 0;
    const { models } = setUp({
      longestPauseMs: 10,
      fetchDirectory(digest) {
        if (digest !== broken) return good.fetchDirectory(digest);
        fetched++;
        return bad.fetchDirectory(VERSIONS['1.0']);
      },
    });
    const { stable } = adopted();
    assert.ok(stable !== undefined);
    const badState = { ...adopted(), model: 'bad', stable: { ...stable, digest: broken } };
    models.apply([adopted(), badState]);
    assert.equal(models.ready, false, 'nothing is loaded yet');
    await until(() => models.detail.includes('bad 1.0 cannot be loaded'), 'told');
    await until(() => models.ready, 'ready without it');
    assert.match(models.detail, /^2 models; bad 1\.0 cannot be loaded: CVE_BUNDLE_ONNX_INVALID/);
    // Also while it is tried again, which happens every ten milliseconds here.
    const seen = new Set<string | undefined>();
    const fetchedBefore = fetched;
    await until(() => {
      seen.add(models.status().find(({ model }) => model === 'bad')?.versions[0]?.state);
      return fetched > fetchedBefore + 2;
    }, 'tried again');
    assert.deepEqual([...seen], ['failed']);
    models.apply([{ ...initialRollouts('bad'), forgotten: { at: '', by: 'op', reason: 'broken' } }]);
    assert.deepEqual(models.models, ['tiny']);
    assert.equal(models.detail, '1 models');
    assert.equal(models.ready, true);
    assert.throws(() => models.router('bad'), { code: 'CVE_MODEL_UNKNOWN' });
  });

  it('is not ready while nothing that it serves can be loaded', async () => {
    const { models, states } = setUp({ fetchDirectory: gone });
    models.apply([adopted()]);
    await until(() => states().join() === '1.0 failed', 'failed');
    assert.equal(models.ready, false);
  });
});
