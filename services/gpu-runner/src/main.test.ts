import assert from 'node:assert/strict';
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  type Bus,
  type Follower,
  followTelemetry,
  openArtifacts,
  openJournal,
  openMembership,
  openWorkQueue,
} from '@conclave/bus';
import { freePort, startTestBus, type TestBus, until } from '@conclave/bus/testing';
import {
  aggregates,
  inferResponse,
  parseCommit,
  type RunnerStatus,
  runnerStatus,
  STAGES,
  type StageName,
  subjects,
  type TelemetryWindow,
  telemetryWindow,
} from '@conclave/contracts';
import { evaluationIdOf } from '@conclave/core';
import { writeTo } from '@conclave/histories';
import { tinyHistory, VERSIONS } from './testing/rollouts.ts';
import { textBundle, tinyDataset, writeFiles } from './testing/tiny-bundle.ts';

const RUNNER = 'gpu-runner-0';
/** Longest wait for an answer, in milliseconds: a machine that stands still for seconds fails no request. */
const PATIENCE_MS = 60_000;

describe('gpu-runner against a real NATS server, with its own permissions', () => {
  let testBus: TestBus;
  let dir: string;
  let runner: ChildProcess;
  let base: string;
  let client: Bus;
  let telemetry: Follower;
  let confirming: NodeJS.Timeout;
  const versions = { ...VERSIONS };
  const windows: TelemetryWindow[] = [];
  let seq = 0;
  const cache = () => join(dir, 'data', 'artifacts');
  /** Least recently used first. */
  const unusedCopies = Array.from({ length: 10 }, (_, i) => String(i).repeat(64));

  before(async () => {
    testBus = await startTestBus({ users: true });
    dir = await mkdtemp(join(tmpdir(), 'gpu-runner-'));
    const artifacts = openArtifacts(testBus.bus);
    const push = async (name: string, files: Parameters<typeof writeFiles>[1], kind: 'model' | 'dataset') =>
      (await artifacts.pushDirectory(writeFiles(join(dir, name), files), kind)).digest;
    versions.dataset = await push('dataset', tinyDataset(), 'dataset');
    versions['1.0'] = await push('1.0', textBundle('1.0'), 'model');
    versions['1.1'] = await push('1.1', textBundle('1.1', { wrong: true }), 'model');
    client = await testBus.connect('executor');
    const metrics = await testBus.connect('metrics');
    telemetry = followTelemetry(metrics, {
      filter: subjects.telemetryAll,
      sinceIso: new Date(0).toISOString(),
      onMessage: (json) => void windows.push(telemetryWindow.parse(json)),
      onQuarantined: ({ reason }) => assert.fail(reason),
      onError: (error) => assert.fail(String(error)),
    });
    const confirm = () =>
      testBus.bus.publishCore(
        subjects.desired('tiny'),
        JSON.stringify({ model: 'tiny', seq, leader: 'coordinator-0', leaderEpoch: 1 }),
      );
    confirming = setInterval(confirm, 100);
    await writeFile(join(dir, 'nkey'), testBus.nats.seeds['gpu-runner']);
    for (const [i, copy] of unusedCopies.entries()) {
      writeFiles(join(cache(), copy), { file: copy });
      await writeFile(join(cache(), `${copy}.verified`), '');
      await utimes(join(cache(), `${copy}.verified`), i, i);
    }
    writeFiles(join(cache(), `${unusedCopies[0]}.tmp-${spawnSync('true').pid}`), { file: 'half' });
    await startRunner();
  });
  after(async () => {
    clearInterval(confirming);
    await telemetry.stop();
    runner.kill('SIGKILL');
    await testBus[Symbol.asyncDispose]();
    await rm(dir, { recursive: true });
  });

  async function startRunner(environment: Record<string, string> = {}, readyTimeoutSeconds = 300): Promise<void> {
    const port = await freePort();
    base = `http://127.0.0.1:${port}`;
    const limits = `  ackWaitMs: 1000\n  readyTimeoutSeconds: ${readyTimeoutSeconds}\n`;
    const requests = `runner:\n  requestTimeoutMs: ${PATIENCE_MS}\n`;
    await writeFile(join(dir, 'conclave.yaml'), `pace:\n  windowSeconds: 0.2\n${requests}limits:\n${limits}`);
    const env = {
      PATH: process.env.PATH,
      CONCLAVE_CONFIG: join(dir, 'conclave.yaml'),
      CONCLAVE_INSTANCE: RUNNER,
      CONCLAVE_NATS_URL: testBus.nats.url,
      ...(await testBus.signingFiles(dir, 'gpu-runner')),
      CONCLAVE_HTTP_PORT: String(port),
      CONCLAVE_DATA_DIR: join(dir, 'data'),
      CONCLAVE_LOG_LEVEL: 'warn',
      ...environment,
    };
    runner = fork(new URL('main.ts', import.meta.url), { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  }

  const told = tinyHistory(versions);
  /** Writes down what is told of the rollouts of `tiny`. */
  const happens = async (tell: () => unknown) => {
    const known = told.commits.length;
    told.at(new Date());
    tell();
    seq = await writeTo(openJournal(testBus.bus, { by: 'coordinator-0' }), told, known);
  };
  const status = async (): Promise<RunnerStatus | undefined> => {
    const entry = (await openMembership(testBus.bus).all()).get(RUNNER);
    return entry === undefined ? undefined : runnerStatus.parse(entry);
  };
  const states = async () => {
    const model = (await status())?.models[0];
    return model?.rolloutSeq === seq ? model.versions.map(({ version, state }) => `${version} ${state}`).join() : '';
  };
  const texts = (text: string) => ({ inputs: [{ name: 'query', datatype: 'BYTES', shape: [1], data: [text] }] });
  const ask = async (body: object) => {
    const reply = await client.request(subjects.infer('tiny'), body, { timeoutMs: PATIENCE_MS });
    return inferResponse.parse(reply.json());
  };
  const enter = async (stage: StageName) => {
    await happens(() => told.entered(stage, { stageEpoch: STAGES.indexOf(stage) + 1 }));
    await until(async () => (await states()) === '1.0 ready,1.1 ready', `${stage} ready`);
  };

  it('serves the adopted version over HTTP and NATS, and says so', async () => {
    await happens(() => told.adopted());
    await until(async () => (await states()) === '1.0 ready', 'stable ready');
    const { url, roles } = (await status()) ?? {};
    assert.deepEqual([url, roles], [base, ['serve', 'evaluate']]);
    const answer = await fetch(`${url}/v2/models/tiny/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(texts('left')),
    });
    assert.equal(answer.headers.get('x-conclave-version'), '1.0');
    await until(async () => (await ask(texts('right'))).outputs[0].data[0] === 'right', 'answered over NATS');
    await assert.rejects(ask({ inputs: [] }), { code: 'CVE_INFER_INVALID' });
    assert.equal((await fetch(`${base}/readyz`)).status, 200);
  });

  it('frees what its cache no longer needs', async () => {
    const wanted = [versions['1.0'], versions.dataset].map((one) => one.slice('sha256:'.length));
    const kept = [...unusedCopies.slice(2), ...wanted].flatMap((copy) => [copy, `${copy}.verified`]).sort();
    await until(async () => (await readdir(cache())).length <= kept.length, 'freed');
    assert.deepEqual((await readdir(cache())).sort(), kept);
  });

  it('mirrors in shadow, splits at 50 percent, and stores windows with epoch and digest', async () => {
    await happens(() => told.applied({ rolloutId: 'r-1', soakSeconds: 1 }));
    await enter('shadow');
    const measured = (epoch: number, version: string) =>
      windows.some(
        (w) => w.version === version && w.stageEpoch === epoch && w.requests > 0 && w.digest === versions['1.1'],
      );
    await until(async () => {
      assert.equal((await ask(texts('left'))).model_version, '1.0');
      return measured(1, '1.1');
    }, 'a window of mirrored requests');
    await enter('50_percent');
    const seen = new Set<string>();
    await until(async () => {
      seen.add((await ask(texts('left'))).model_version);
      return seen.size === 2 && measured(4, '1.1');
    }, 'both versions answer');
  });

  it('stores the windows of a series in their order, each once', async () => {
    await until(() => windows.length > 20, 'some windows');
    const lines = Map.groupBy(windows, ({ series, version, mode }) => [series, version, mode].join());
    for (const [line, own] of lines)
      for (const [index, { to }] of own.entries()) assert.ok(index === 0 || to > (own[index - 1]?.to ?? ''), line);
    assert.ok(windows.every(({ series }) => series !== undefined));
  });

  it('passes a rollback test once, however often it is asked for', async () => {
    const request = {
      kind: 'rollback_test' as const,
      model: 'tiny',
      version: '1.1',
      digest: versions['1.1'],
      rolloutId: 'r-1',
      stageEpoch: 4,
      runner: RUNNER,
    };
    const work = { evaluationId: evaluationIdOf(request), request };
    const test = async (body: object) =>
      (await client.request(subjects.runnerRollbackTest(RUNNER), body, { timeoutMs: PATIENCE_MS })).json();
    const [result, same] = await Promise.all([test(work), test(work)]);
    assert.deepEqual(result, same);
    assert.deepEqual(await test(work), result);
    assert.equal(Reflect.get(Object(result), 'passed'), true, JSON.stringify(result));
    const commits = await openJournal(testBus.bus, { by: 'test' }).read(aggregates.evaluation(work.evaluationId));
    assert.deepEqual(
      commits.flatMap((commit) => parseCommit('evaluations', commit).events.map(({ type }) => type)),
      ['evaluation.started', 'evaluation.completed'],
    );
    const stale = { evaluationId: 'other', request: { ...request, stageEpoch: 3 } };
    await assert.rejects(test(stale), { code: 'CVE_ROLLOUT_CONFLICT' });
  });

  it('serves stable only when the leader falls silent, and the candidate again when it is back', async () => {
    clearInterval(confirming);
    const versionsOf = async () =>
      new Set(await Promise.all(Array.from({ length: 40 }, async () => (await ask(texts('left'))).model_version)));
    await until(
      async () => (await versionsOf()).size === 1 && (await status())?.models[0]?.confirmed === false,
      'stable only',
    );
    confirming = setInterval(() => {
      const body = { model: 'tiny', seq, leader: 'coordinator-1', leaderEpoch: 2 };
      testBus.bus.publishCore(subjects.desired('tiny'), JSON.stringify(body));
    }, 100);
    await until(async () => (await versionsOf()).size === 2, 'both versions answer');
  });

  it('takes the candidate off when the rollout is aborted, without a failed request', async () => {
    let asking = true;
    const users = (async () => {
      while (asking) await ask(texts('left'));
    })();
    await happens(() => told.aborted());
    await until(async () => (await states()) === '1.0 ready', 'candidate gone');
    asking = false;
    await users;
    assert.equal((await ask(texts('left'))).model_version, '1.0');
  });

  it('counts an evaluation once although it was killed between result and record', async () => {
    runner.kill('SIGKILL');
    await once(runner, 'exit');
    await startRunner({ CONCLAVE_FAULT: 'evaluation.before_result=kill' });
    const request = {
      kind: 'offline' as const,
      model: 'tiny',
      version: '1.1',
      digest: versions['1.1'],
      dataset: versions.dataset,
      baseline: { version: '1.0', digest: versions['1.0'] },
    };
    const evaluationId = evaluationIdOf(request);
    const killed = once(runner, 'exit');
    await openWorkQueue(testBus.bus).publish(
      subjects.workEvaluation,
      { evaluationId, request },
      { msgId: evaluationId },
    );
    await killed;
    await startRunner();
    const journal = openJournal(testBus.bus, { by: 'test' });
    const events = async () =>
      (await journal.read(aggregates.evaluation(evaluationId))).flatMap(
        (commit) => parseCommit('evaluations', commit).events,
      );
    await until(
      async () => (await events()).some(({ type }) => type === 'evaluation.completed'),
      'completed',
      PATIENCE_MS,
    );
    assert.deepEqual(
      (await events()).map(({ type }) => type).filter((type) => type !== 'evaluation.progressed'),
      ['evaluation.started', 'evaluation.started', 'evaluation.completed'],
    );
  });

  it('gives a load the time that the coordinator waits for it', async () => {
    runner.kill('SIGKILL');
    await once(runner, 'exit');
    await startRunner({}, 0.001);
    const detail = async () => (await status())?.models[0]?.versions[0]?.detail ?? '';
    await until(async () => (await detail()).includes('did not load within 1 ms'), 'too slow');
    runner.kill('SIGKILL');
    await once(runner, 'exit');
    await startRunner();
  });

  it('serves stable only after an event that it does not know, and says so', async () => {
    await until(async () => (await states()) === '1.0 ready', 'stable ready');
    await happens(() => told.foreign(aggregates.rollouts('tiny'), 'rollout.teleported', {}));
    await until(async () => (await status())?.models[0]?.confirmed === false, 'halted');
    const health = await fetch(`${base}/readyz`);
    assert.match(await health.text(), /CVE_JOURNAL_UNKNOWN_EVENT/);
    assert.equal((await ask(texts('left'))).model_version, '1.0');
  });

  it('stops cleanly, with its children', async () => {
    const children = (await readFile(`/proc/${runner.pid}/task/${runner.pid}/children`, 'utf8')).trim().split(' ');
    assert.ok(children.length >= 1);
    runner.kill('SIGTERM');
    assert.deepEqual(await once(runner, 'exit'), [0, null]);
    await until(async () => (await status()) === undefined, 'no longer a member');
    for (const pid of children) assert.throws(() => process.kill(Number(pid), 0), `child ${pid} is gone`);
  });
});
