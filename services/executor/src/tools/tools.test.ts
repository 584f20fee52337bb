import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { openArtifacts, openMembership, openWorkQueue, publishTelemetry, serveApi } from '@conclave/bus';
import { until } from '@conclave/bus/testing';
import {
  addLatency,
  aggregates,
  ConclaveError,
  type Digest,
  type EvaluationEvent,
  emptySketch,
  evaluationRequest,
  evaluationWork,
  type InferInput,
  type InferRequest,
  inferRequest,
  isConclaveError,
  type RollbackTestResult,
  type RunnerStatus,
  sha256,
  subjects,
  type TelemetryWindow,
  type ToolName,
} from '@conclave/contracts';
import { history, writeTo } from '@conclave/histories';
import { fakeClock } from '@conclave/service';
import { type Bench, startBench } from '../testing/bench.ts';
import { applied, appliedWorld, DIGEST } from '../testing/executor-world.ts';
import { type Performer, startPerformer } from '../testing/performer.ts';
import { collectMetrics, type TelemetrySource } from './collect-metrics.ts';
import { resolveTarget } from './target.ts';
import { fitResult, RESULT_LIMIT_BYTES, type ToolArgs, type ToolReturn } from './tool.ts';

const RUNNING = new AbortController().signal;
const ENTERED = new Date(Date.now() - 60_000).toISOString();

let bench: Bench;
let performer: Performer;

before(async () => {
  bench = await startBench();
  performer = await startPerformer(bench);
  const serving = applied();
  const known = serving.commits.length;
  serving.at(ENTERED).entered('5_percent', { stageEpoch: 2 }).serving(['r-0', 'r-1']);
  await writeTo(bench.journal, serving, known);
});
after(async () => {
  await performer[Symbol.asyncDispose]();
  await bench[Symbol.asyncDispose]();
});

async function call(name: ToolName, raw: ToolArgs = {}): Promise<ToolReturn> {
  const tool = performer.deps.tools.get(name);
  assert.ok(tool);
  const args = tool.prepare(raw, await performer.deps.world.upToDate());
  return await tool.run(args, { callId: 'plan:1/1', actionId: 'plan:1', signal: RUNNING });
}

describe('which model and version is meant', () => {
  test('the open rollout and its candidate, when nothing is said', () => {
    assert.deepEqual(resolveTarget(appliedWorld, {}), { model: 'emoji-search', version: '1.1' });
  });
  test('V1.0 is 1.0', () => {
    assert.equal(resolveTarget(appliedWorld, { version: 'V1.0' }).version, '1.0');
  });
  test('of two models without a rollout none is guessed', () => {
    const { world } = history().about({ model: 'a' }).registered().about({ model: 'b' }).registered();
    assert.throws(() => resolveTarget(world, { version: '1.0' }), /CVE_TOOL_INVALID_ARGS: name a model: a, b/);
  });
  test('an unknown model is refused with the choices', () => {
    assert.throws(() => resolveTarget(appliedWorld, { model: 'nope' }), /choose emoji-search/);
  });
});

describe('collect_metrics', () => {
  function window(change: Partial<TelemetryWindow>): TelemetryWindow {
    const latency = emptySketch();
    for (let i = 1; i <= (change.requests ?? 0); i++) addLatency(latency, i);
    const at = new Date().toISOString();
    return {
      ...{
        kind: 'window',
        runner: 'r-0',
        series: randomUUID(),
        model: 'emoji-search',
        version: '1.1',
        digest: DIGEST.candidate,
        rolloutId: 'r1',
      },
      ...{ stageEpoch: 2, mode: 'live', from: at, to: at, requests: 0, errors: 0, withinSlo: change.requests ?? 0 },
      ...{ latencyThresholdMs: 50, latency },
      ...change,
    };
  }
  async function publish(windows: readonly TelemetryWindow[]): Promise<void> {
    for (const each of windows) {
      await publishTelemetry(bench.bus, subjects.telemetry(each.model, each.version), each);
    }
  }

  test('without a window is a failure', async () => {
    const { ok, error } = await call('collect_metrics');
    assert.equal(ok, false);
    assert.match(error ?? '', /no telemetry: emoji-search 1\.1/);
  });

  test('merges the windows of this stage epoch and digest, and nothing else', async () => {
    const {
      rolloutId: _r,
      stageEpoch: _e,
      ...ofStable
    } = window({ version: '1.0', digest: DIGEST.stable, requests: 950 });
    await publish([
      window({ requests: 20, errors: 1, withinSlo: 19 }),
      window({ requests: 30, runner: 'r-1' }),
      window({ requests: 1000, stageEpoch: 1 }),
      window({ requests: 1000, digest: DIGEST.dataset }),
      window({ requests: 1000, excluded: 'rollback_test x' }),
      window({ requests: 1000, from: '2020-01-01T00:00:00.000Z' }),
      ofStable,
    ]);
    const { ok, result } = await call('collect_metrics');
    const { windows, requests, errors, sloCompliance, measuredShare, stable } = Object(result);
    assert.deepEqual({ ok, windows, requests, errors }, { ok: true, windows: 2, requests: 50, errors: 1 });
    assert.equal(sloCompliance, 49 / 50);
    assert.equal(measuredShare, 50 / 1000);
    assert.equal(stable.requests, 950);
  });

  test('measures all that is on record once, however slowly it is read and often it was stored', async () => {
    const clock = fakeClock(new Date().toISOString());
    const reading = Promise.withResolvers<Parameters<TelemetrySource>[0]>();
    const follow: TelemetrySource = (source) => {
      reading.resolve(source);
      return { stop: async () => {} };
    };
    const tool = collectMetrics({ follow, clock, patienceMs: 5000 });
    const args = tool.prepare({}, await performer.deps.world.upToDate());
    const returned = tool.run(args, { callId: 'plan:1/1', actionId: 'plan:1', signal: RUNNING });
    const source = await reading.promise;
    source.onMessage(window({ requests: 20 }));
    clock.advance(60_000);
    await new Promise(setImmediate);
    const again = window({ requests: 30 });
    for (const stored of [again, again]) source.onMessage(stored);
    source.onCaughtUp();
    assert.equal(Object((await returned).result).requests, 50);
  });
});

describe('run_evaluation', () => {
  const metrics = {
    'ndcg@10': { value: 0.75, low: 0.7, high: 0.8 },
    'ndcg@10_exponential': { value: 0.7, low: 0.6, high: 0.8 },
  };
  const at = new Date().toISOString();

  test('is asked for once, waits for the result, retries a failed one, and counts a completed one once', async () => {
    const ids: string[] = [];
    const runner = openWorkQueue(bench.bus).consume({
      name: 'gpu-runner',
      filter: subjects.workEvaluation,
      concurrency: 1,
      async handler(job) {
        const { evaluationId, request } = evaluationWork.parse(job.json());
        ids.push(evaluationId);
        const isFirst = ids.length === 1;
        const started: EvaluationEvent = {
          id: `${evaluationId}/s`,
          type: 'evaluation.started',
          at,
          data: { request, runner: 'r-0', attempt: 1 },
        };
        const failed: EvaluationEvent = {
          id: `${evaluationId}/f`,
          type: 'evaluation.failed',
          at,
          data: { request, runner: 'r-0', code: 'CVE_EVALUATION_FAILED', message: 'out of disk' },
        };
        const result = {
          kind: 'offline',
          queries: 100,
          emptyQueries: 0,
          documents: 10,
          metrics,
          durationMs: 5,
        } as const;
        const done: EvaluationEvent = {
          id: `${evaluationId}/d`,
          type: 'evaluation.completed',
          at,
          data: { request, runner: 'r-0', result },
        };
        await bench.journal.append(aggregates.evaluation(evaluationId), 0, [started, isFirst ? failed : done]);
      },
    });
    const first = await call('run_evaluation');
    assert.deepEqual([first.ok, first.error], [false, 'out of disk']);
    const second = await call('run_evaluation');
    assert.equal(second.ok, true);
    assert.deepEqual(Object(second.result).metrics, metrics);
    assert.deepEqual(await call('run_evaluation'), second);
    assert.equal(ids.length, 2);
    assert.equal(ids[1], `${ids[0]}-2`);
    // Of what no rollout is judged by, so many others come that the world keeps the result no longer, and no gate could read it.
    const stable = { version: '1.0' };
    assert.equal((await call('run_evaluation', stable)).ok, true);
    assert.equal((await call('run_evaluation', stable)).ok, true);
    assert.equal(ids.length, 3);
    const known = evaluationRequest.parse(performer.deps.world.current().evaluations[ids[2] ?? '']?.request);
    for (let n = 0; n < 260; n++) {
      const request = { ...known, digest: sha256(`${n}`) };
      const data = { request, runner: 'r-0', code: 'CVE_EVALUATION_FAILED', message: 'out of disk' };
      const failed: EvaluationEvent = { id: `other-${n}`, type: 'evaluation.failed', at, data };
      await bench.journal.append(aggregates.evaluation(`other-${n}`), 0, [failed]);
    }
    assert.equal((await call('run_evaluation', stable)).ok, true);
    await runner.stop();
    assert.equal(ids[3], `${ids[2]}-2`);
  });

  test('pins bundle, dataset and baseline', () => {
    const tool = performer.deps.tools.get('run_evaluation');
    assert.deepEqual(tool?.prepare({ version: 'V1.1'.slice(1) }, appliedWorld), {
      model: 'emoji-search',
      version: '1.1',
      digest: DIGEST.candidate,
      dataset: DIGEST.dataset,
      baseline: { version: '1.0', digest: DIGEST.stable },
    });
  });
});

describe('run_rollback_test', () => {
  test('passes only when every serving runner has passed, and a failed one is tried again', async () => {
    let isBroken = true;
    const api = serveApi(bench.bus, { name: 'conclave-runner', version: '0.1.0', description: 'stand-in' });
    for (const runner of ['r-0', 'r-1']) {
      api.endpoint(runner, subjects.runnerRollbackTest(runner), async ({ body }) => {
        const { evaluationId, request } = evaluationWork.parse(body);
        const passed = !(isBroken && runner === 'r-1');
        const result: RollbackTestResult = {
          ...{
            kind: 'rollback_test',
            passed,
            probes: 10,
            failedProbes: passed ? 0 : 3,
            maxDifference: 0,
            tolerance: 1e-5,
          },
          ...{ swapToStableMs: 1, swapBackMs: 1, detail: passed ? 'as before' : '3 probes failed' },
        };
        const data = { request, runner, result };
        const event: EvaluationEvent = { id: evaluationId, type: 'evaluation.completed', at: ENTERED, data };
        await bench.journal.append(aggregates.evaluation(evaluationId), 0, [event]);
        return result;
      });
    }
    await api.ready();
    const first = await call('run_rollback_test');
    assert.deepEqual([first.ok, first.error], [false, 'r-1: 3 probes failed']);
    isBroken = false;
    const second = await call('run_rollback_test');
    assert.equal(second.ok, true);
    const ids = Object(second.result).runners.map((each: { evaluationId: string }) => each.evaluationId);
    assert.deepEqual(ids, ['rollback-test-r1-2-r-0-1', 'rollback-test-r1-2-r-1-2']);
    await api.stop();
  });
});

describe('smoke_test', () => {
  let server: Server;
  let scores: readonly number[] = [];
  let asked: InferRequest['inputs'] = [];
  before(async () => {
    server = createServer(async (request, response) => {
      assert.equal(request.url, '/v2/models/emoji-search/versions/1.1/infer');
      asked = [...asked, ...inferRequest.parse(await json(request)).inputs];
      const outputs = [
        { name: 'ids', datatype: 'BYTES', shape: [1, scores.length], data: scores.map((_, i) => `id-${i}`) },
        { name: 'scores', datatype: 'FP32', shape: [1, scores.length], data: scores },
      ];
      response.end(JSON.stringify({ model_name: 'emoji-search', model_version: '1.1', outputs }));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    url = `http://127.0.0.1:${address.port}`;
    await serves({ datatype: 'BYTES', shape: [-1] });
  });
  let url = '';
  /** A runner that has 1.1 ready, which takes such queries. */
  const serves = async (input: InferInput): Promise<void> => {
    const version = {
      input,
      version: '1.1',
      digest: DIGEST.candidate,
      state: 'ready',
      detail: '',
      share: 0,
      mode: 'mirror',
    } as const;
    const status: RunnerStatus = {
      ...{ runner: 'r-0', roles: ['serve'], at: ENTERED, url },
      models: [{ model: 'emoji-search', rolloutSeq: 1, confirmed: true, versions: [version] }],
    };
    await openMembership(bench.bus).put('r-0', status);
  };
  after(() => server.close());

  const cases: readonly (readonly [string, readonly number[], RegExp | undefined])[] = [
    ['descending scores pass', [3, 2, 2, 1], undefined],
    ['scores out of order fail', [1, 2], /do not descend/],
    ['no answers fail', [], /ids are missing/],
  ];
  for (const [name, answer, problem] of cases) {
    test(name, async () => {
      scores = answer;
      const { ok, error } = await call('smoke_test', { queries: ['heart'] });
      assert.equal(ok, problem === undefined);
      if (problem !== undefined) assert.match(error ?? '', problem);
    });
  }

  describe('with the dataset’s own queries', () => {
    let dataset: Digest;
    before(async () => {
      const folder = join(bench.dir, 'queries');
      await mkdir(folder);
      const lines = Array.from({ length: 20 }, (_, i) =>
        JSON.stringify({ _id: `q${i}`, text: `t${i}`, vector: [i, 1] }),
      );
      await writeFile(join(folder, 'queries.jsonl'), lines.join('\n'));
      ({ digest: dataset } = await openArtifacts(bench.bus).pushDirectory(folder, 'dataset'));
      scores = [2, 1];
    });
    const ask = async (input: InferInput, args: object = {}) => {
      asked = [];
      await serves(input);
      return await call('smoke_test', { dataset, ...args });
    };
    const texts = ['t0', 't4', 't8', 't12', 't16'];
    const vectors = [0, 4, 8, 12, 16].map((i) => ({ name: 'query', datatype: 'FP32', shape: [1, 2], data: [i, 1] }));

    test('asks a version that takes text five texts from all over it', async () => {
      const { ok, result } = await ask({ datatype: 'BYTES', shape: [-1] });
      assert.deepEqual([ok, Object(result).queries, asked.map(({ data }) => data[0])], [true, 5, texts]);
    });
    test('asks a version that takes vectors their vectors', async () => {
      const { ok } = await ask({ datatype: 'FP32', shape: [-1, 2] });
      assert.deepEqual([ok, asked], [true, vectors]);
    });
    test('asks it those too when a plan names texts', async () => {
      const { ok } = await ask({ datatype: 'FP32', shape: [-1, 2] }, { queries: ['heart'] });
      assert.deepEqual([ok, asked], [true, vectors]);
    });
    test('says which query lacks what the version takes', async () => {
      await assert.rejects(ask({ datatype: 'FP32', shape: [-1, 3] }), /CVE_DATASET_INVALID: query q0 .* a vector of 3/);
    });
  });

  test('records the dataset that the rollout pins', async () => {
    const tool = performer.deps.tools.get('smoke_test');
    const { dataset } = tool?.prepare({}, appliedWorld) ?? {};
    assert.equal(dataset, appliedWorld.rollouts['emoji-search']?.current?.definition.dataset);
    assert.notEqual(dataset, undefined);
  });
});

describe('check_file', () => {
  test('tells size and digest', async () => {
    await writeFile(join(bench.dir, 'report.json'), '{}');
    const { ok, result } = await call('check_file', { path: 'report.json' });
    const { bytes, sha256 } = Object(result);
    assert.deepEqual([ok, bytes], [true, 2]);
    assert.equal(sha256, 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
  });
  test('of a missing file is a failure', async () => {
    assert.equal((await call('check_file', { path: 'none.json' })).ok, false);
  });
  test('outside the allowed folders is forbidden', async () => {
    await assert.rejects(call('check_file', { path: '/etc/passwd' }), (e) =>
      isConclaveError(e, 'CVE_SCRIPT_FORBIDDEN'),
    );
  });
});

test('run_python_script returns the last line as JSON', async () => {
  await writeFile(join(bench.dir, 'report.py'), 'print("working"); print(\'{"ndcg": 0.7}\')');
  const { ok, result } = await call('run_python_script', { script: 'report.py' });
  assert.deepEqual([ok, Object(result).json], [true, { ndcg: 0.7 }]);
});

test('a coordinator that is away for a moment is asked again', async () => {
  let asked = 0;
  const api = serveApi(bench.bus, { name: 'conclave-coordinator-2', version: '0.1.0', description: 'stand-in' });
  api.endpoint('rollback', subjects.api('rollback'), async () => {
    asked++;
    if (asked === 1) throw new ConclaveError('CVE_REQUEST_UNANSWERED', 'no leader');
    return { outcome: 'rolled_back', rolloutId: 'r1', serving: '1.0' };
  });
  await api.ready();
  const { ok } = await call('rollback_model', { reason: 'test' });
  await until(() => asked === 2, 'it was asked twice');
  await api.stop();
  assert.equal(ok, true);
});

test('a rollback made again ends no later rollout', async () => {
  const tool = performer.deps.tools.get('rollback_model');
  const args = { model: 'emoji-search', reason: 'test', rolloutId: 'an earlier one' };
  const returned = await tool?.run(args, { callId: 'plan:1/1', actionId: 'plan:1', signal: RUNNING });
  const result = { outcome: 'nothing_to_roll_back', rolloutId: 'an earlier one', serving: '1.0' };
  assert.deepEqual(returned, { ok: true, result });
});

describe('a rollback asked for when nothing is open', () => {
  const nothingOpen = history().registered().adopted().world;
  const made = async (raw: ToolArgs): Promise<{ args: ToolArgs; returned: ToolReturn }> => {
    const tool = performer.deps.tools.get('rollback_model');
    assert.ok(tool);
    const args = tool.prepare(raw, nothingOpen);
    return { args, returned: await tool.run(args, { callId: 'plan:1/1', actionId: 'plan:1', signal: RUNNING }) };
  };

  test('is on record as such, and ends nothing that was opened since', async () => {
    const { args, returned } = await made({ reason: 'test' });
    assert.deepEqual(args, { model: 'emoji-search', reason: 'test', rolloutId: null });
    const result = { outcome: 'nothing_to_roll_back', rolloutId: null, serving: '1.0' };
    assert.deepEqual(returned, { ok: true, result });
  });

  test('means the rollout it names', async () => {
    const { args, returned } = await made({ reason: 'test', rolloutId: 'an earlier one' });
    assert.equal(args.rolloutId, 'an earlier one');
    assert.equal(Object(returned.result).outcome, 'nothing_to_roll_back');
  });
});

test('a rollback that names another rollout than the open one is refused with the choice', async () => {
  const args = { reason: 'test', rolloutId: 'another' };
  await assert.rejects(
    call('rollback_model', args),
    /CVE_TOOL_INVALID_ARGS: rollout another of emoji-search is not open, r1 is/,
  );
});

test('a result too large for the journal is cut and says so', () => {
  const cut = fitResult({ text: 'é'.repeat(RESULT_LIMIT_BYTES) });
  assert.match(JSON.stringify(cut), /only the beginning is kept/);
  assert.ok(Buffer.byteLength(JSON.stringify(cut)) <= RESULT_LIMIT_BYTES);
});
