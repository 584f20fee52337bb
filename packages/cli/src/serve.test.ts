import assert from 'node:assert/strict';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { openJournal, openMembership, serveApi } from '@conclave/bus';
import { startTestBus, type TestBus, until } from '@conclave/bus/testing';
import { aggregates, type RunnerStatus, sha256, subjects } from '@conclave/contracts';
import { run } from './program.ts';

type Version = RunnerStatus['models'][number]['versions'][number];

const MODEL = 'tiny';
const DATASET = sha256('dataset');
const [NEW, OLD] = [sha256('1.0'), sha256('0.9')];

suite('the verbs that change which version serves say what the runners do', () => {
  let server: TestBus;
  const put = new Map<string, RunnerStatus>();
  let renewing: NodeJS.Timeout;
  let ids = 0;

  before(async () => {
    server = await startTestBus();
    Object.assign(process.env, await server.signingFiles(await mkdtemp(join(tmpdir(), 'conclave-keys-'))));
    const at = new Date().toISOString();
    await openJournal(server.bus, { by: 'test' }).append(aggregates.rollouts(MODEL), 'any', [
      {
        ...{ id: `e-${++ids}`, type: 'rollout.adopted', at },
        data: { model: MODEL, version: '0.9', digest: OLD, dataset: DATASET, by: 'ada' },
      },
    ]);
    const api = serveApi(server.bus, { name: 'stand-in', version: '0.0.1', description: 'answers' });
    for (const verb of ['adopt', 'forget']) api.endpoint(verb, subjects.api(verb), async () => ({ changed: true }));
    for (const verb of ['abort', 'revert'])
      api.endpoint(verb, subjects.api(verb), async () => ({
        outcome: 'rolled_back',
        rolloutId: 'r-1',
        serving: '0.9',
        runners: [],
      }));
    await api.ready();
    renewing = setInterval(() => {
      for (const status of put.values()) void openMembership(server.bus).put(status.runner, status);
    }, 2000);
  });
  after(async () => {
    clearInterval(renewing);
    await server[Symbol.asyncDispose]();
  });

  const old = (state: Version['state'], detail = ''): Version => ({
    ...{ version: '0.9', digest: OLD, dataset: DATASET, state, detail, share: 1, mode: 'live' },
  });
  /** A runner reports the stable version in a state, and what answers meanwhile. */
  const report = async (runner: string, version: Version, answers: '0.9' | '1.0' | null): Promise<void> => {
    const digest = answers === '0.9' ? OLD : NEW;
    const stable = answers === null ? null : { version: answers, digest, dataset: DATASET };
    const models = [{ model: MODEL, rolloutSeq: 1, confirmed: true, stable, versions: [version] }];
    const status: RunnerStatus = { runner, roles: ['serve'], at: new Date().toISOString(), url: '', models };
    put.set(runner, status);
    await openMembership(server.bus).put(runner, status);
  };
  const leave = async (runner: string): Promise<void> => {
    put.delete(runner);
    await openMembership(server.bus).delete(runner);
  };
  const begin = (...args: string[]) => {
    const out: string[] = [];
    const err: string[] = [];
    const code = run(['--nats', server.nats.url, ...args], { out: (t) => out.push(t), err: (t) => err.push(t) });
    return { code, out: () => stripVTControlCharacters(out.join('\n')), err: () => err.join('\n') };
  };
  const adopt = (...args: string[]) => begin('adopt', MODEL, '0.9', '--dataset', 'd', ...args);

  test('adopt without any runner is recorded, and says that nobody is served', async () => {
    const { code, out } = adopt();
    assert.equal(await code, 0);
    assert.match(out(), /^✓ tiny 0\.9 is recorded as stable\n! no serving runner reports itself/);
  });

  test('adopt waits until the runners have it ready, and says what for', async () => {
    await report('r-0', old('loading', 'fetching'), null);
    const { code, out } = adopt();
    await until(() => out().includes('… r-0 loads 0.9 (fetching); until then nothing answers there'), 'said');
    await report('r-0', old('ready'), '0.9');
    assert.equal(await code, 0);
    assert.match(out(), /\n✓ r-0 serves 0\.9$/);
  });

  test('adopt of what one runner cannot load says why, and does not succeed', async () => {
    await report('r-0', old('ready'), '0.9');
    await report('r-1', old('failed', 'CVE_BUNDLE_ONNX_INVALID: query.onnx cannot be loaded'), null);
    const { code, err } = adopt();
    assert.equal(await code, 1);
    assert.match(
      err(),
      /^CVE_MODEL_NOT_SERVED: tiny 0\.9 is recorded as stable, but r-1 cannot load 0\.9: CVE_BUNDLE_ONNX_INVALID: query\.onnx cannot be loaded; nothing answers there; r-0 serves 0\.9; .*conclave forget tiny$/,
    );
    const json = adopt('--json');
    assert.equal(await json.code, 1);
    const { served, runners, error } = JSON.parse(json.out());
    assert.deepEqual([served, runners.length, error.code], [false, 2, 'CVE_MODEL_NOT_SERVED']);
    for (const args of [['status'], ['explain', MODEL]]) {
      const shown = begin(...args);
      await shown.code;
      assert.match(shown.out(), /r-1 cannot load 0\.9: CVE_BUNDLE_ONNX_INVALID/);
    }
    await leave('r-1');
  });

  test('revert says that it is accepted, which version answers until then, and when it serves', async () => {
    await report('r-0', old('loading', 'fetching'), '1.0');
    const { code, out } = begin('revert', MODEL, '--reason', 'it melts');
    await until(() => out().includes('… r-0 loads 0.9 (fetching); until then 1.0 answers there'), 'said');
    assert.match(out(), /^✓ accepted: tiny taken back; 0\.9 is to serve$/m);
    assert.doesNotMatch(out(), /serves 0\.9/);
    await report('r-0', old('ready'), '0.9');
    assert.equal(await code, 0);
    assert.match(out(), /\n✓ r-0 serves 0\.9$/);
  });

  test('revert that is not confirmed in time does not succeed', async () => {
    await report('r-0', old('loading', 'fetching'), '1.0');
    const { code, err } = begin('revert', MODEL, '--reason', 'it melts', '--wait', '1');
    assert.equal(await code, 3);
    assert.match(err(), /^CVE_INFER_NOT_READY: .*not served yet: r-0 loads 0\.9 .*1\.0 answers there/);
    const now = begin('revert', MODEL, '--reason', 'it melts', '--wait', '0');
    assert.equal(await now.code, 0);
    assert.match(now.out(), /\n! r-0 loads 0\.9/);
    const wrong = begin('revert', MODEL, '--reason', 'it melts', '--wait', 'long');
    assert.equal(await wrong.code, 2);
  });

  test('abort waits until the candidate answers nobody any more', async () => {
    const candidate: Version = { ...old('ready'), version: '1.0', digest: NEW, share: 0.2, stageEpoch: 3 };
    const status: RunnerStatus = {
      ...{ runner: 'r-0', roles: ['serve'], at: new Date().toISOString(), url: '' },
      models: [
        {
          ...{ model: MODEL, rolloutSeq: 1, confirmed: true },
          stable: { version: '0.9', digest: OLD, dataset: DATASET },
          versions: [{ ...old('ready'), share: 0.8 }, candidate],
        },
      ],
    };
    put.set('r-0', status);
    await openMembership(server.bus).put('r-0', status);
    const { code, out } = begin('abort', MODEL, '--reason', 'doubts');
    await until(() => out().includes('1.0 still answers 20% there'), 'said');
    await report('r-0', old('ready'), '0.9');
    assert.equal(await code, 0);
    assert.match(out(), /\n✓ r-0 serves 0\.9$/);
  });

  test('forget says how the name is used again', async () => {
    const { code, out } = begin('forget', MODEL, '--reason', 'broken');
    assert.equal(await code, 0);
    assert.match(out(), /^✓ tiny is forgotten; .*conclave adopt tiny <version> --dataset <name>$/);
  });
});
