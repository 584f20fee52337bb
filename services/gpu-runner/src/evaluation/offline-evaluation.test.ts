import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Journal, openJournal } from '@conclave/bus';
import { startTestBus, type TestBus, until } from '@conclave/bus/testing';
import {
  aggregates,
  ConclaveError,
  type EvaluationRequest,
  evaluationEvent,
  isConclaveError,
} from '@conclave/contracts';
import { VERSIONS } from '../testing/rollouts.ts';
import { textBundle, tinyDataset, vectorBundle, writeFiles } from '../testing/tiny-bundle.ts';
import { EvaluationRecord } from './evaluation-record.ts';
import { OfflineEvaluations, type OfflineEvaluationsOptions } from './offline-evaluation.ts';

const root = mkdtempSync(join(tmpdir(), 'offline-evaluation-'));
const broken = `sha256:${'b'.repeat(64)}`;
const dirs = new Map([
  [VERSIONS.dataset, writeFiles(join(root, 'dataset'), tinyDataset())],
  [VERSIONS['1.0'], writeFiles(join(root, '1.0'), textBundle('1.0'))],
  [VERSIONS['1.1'], writeFiles(join(root, '1.1'), textBundle('1.1', { wrong: true }))],
  [broken, writeFiles(join(root, 'broken'), vectorBundle('1.2', undefined, { 'query.onnx': 'broken' }))],
]);
const request: EvaluationRequest = {
  kind: 'offline',
  model: 'tiny',
  version: '1.1',
  digest: VERSIONS['1.1'],
  dataset: VERSIONS.dataset,
  baseline: { version: '1.0', digest: VERSIONS['1.0'] },
};

describe('offline evaluations', () => {
  let testBus: TestBus;
  let journal: Journal;
  before(async () => {
    testBus = await startTestBus();
    journal = openJournal(testBus.bus, { by: 'gpu-runner-0' });
  });
  after(async () => {
    await testBus[Symbol.asyncDispose]();
    rmSync(root, { recursive: true });
  });

  const evaluations = (options: Partial<OfflineEvaluationsOptions> = {}) =>
    new OfflineEvaluations({
      runner: 'gpu-runner-0',
      journal,
      config: { provider: 'cpu', evaluationPriority: 10 },
      fetchDirectory: async (digest) => dirs.get(digest) ?? unknownArtifact(digest),
      ...options,
    });
  const jobOf = (evaluationId: string, body: EvaluationRequest | object = request, deliveryCount = 1) => ({
    json: () => ({ evaluationId, request: body }),
    deliveryCount,
    signal: new AbortController().signal,
  });
  const typesOf = async (evaluationId: string) => {
    const commits = await journal.read(aggregates.evaluation(evaluationId));
    const types = commits.flatMap(({ events }) => events.map((event) => evaluationEvent.parse(event).type.slice(11)));
    // Progress is recorded now and then, by time.
    return types.filter((type) => type !== 'progressed');
  };
  const evaluationOf = async (evaluationId: string) => (await EvaluationRecord.open(journal, evaluationId)).evaluation;

  it('record start and result with the comparison against the baseline', async () => {
    await evaluations().handle(jobOf('e-1'));
    assert.deepEqual(await typesOf('e-1'), ['started', 'completed']);
    const { result, runner, attempt } = await evaluationOf('e-1');
    assert.deepEqual([runner, attempt, result?.kind], ['gpu-runner-0', 1, 'offline']);
    assert.ok(result?.kind === 'offline');
    const { metrics, comparison, queries, emptyQueries, documents } = result;
    assert.deepEqual([queries, emptyQueries, documents], [2, 1, 3]);
    assert.ok((metrics['ndcg@10']?.value ?? 1) < 0.6);
    assert.deepEqual([comparison?.baselineVersion, comparison?.baselineDigest], ['1.0', VERSIONS['1.0']]);
    assert.ok((comparison?.difference.value ?? 0) < -0.4);
  });

  it('complete with what was measured of the version when the baseline is broken or cannot be had', async () => {
    for (const [id, digest, code] of [
      ['e-broken-baseline', broken, 'CVE_BUNDLE_ONNX_INVALID'],
      ['e-no-baseline', `sha256:${'0'.repeat(64)}`, 'CVE_ARTIFACT_UNKNOWN'],
    ] as const) {
      await evaluations().handle(jobOf(id, { ...request, baseline: { version: '1.0', digest } }));
      const { state, result } = await evaluationOf(id);
      assert.ok(state === 'completed' && result?.kind === 'offline');
      assert.equal(result.queries, 2);
      assert.equal(result.comparison, undefined);
      assert.deepEqual([result.baselineFailure?.baselineVersion, result.baselineFailure?.code], ['1.0', code]);
      assert.match(result.baselineFailure?.message ?? '', new RegExp(`^${code}: stable tiny 1\\.0: `));
    }
  });

  it('do nothing for what is completed', async () => {
    await evaluations().handle(jobOf('e-2'));
    await evaluations().handle(jobOf('e-2', request, 2));
    await evaluations().handle(jobOf('e-2'));
    assert.deepEqual(await typesOf('e-2'), ['started', 'completed']);
  });

  it('compute anew what was begun and not completed', async () => {
    const record = await EvaluationRecord.open(journal, 'e-3');
    await record.started(1, { request, runner: 'gpu-runner-9' });
    await evaluations().handle(jobOf('e-3', request, 2));
    assert.deepEqual(await typesOf('e-3'), ['started', 'started', 'completed']);
    assert.equal((await evaluationOf('e-3')).attempt, 2);
  });

  it('count once when two runners compute the same', async () => {
    await Promise.all([
      evaluations({ runner: 'gpu-runner-0' }).handle(jobOf('e-4')),
      evaluations({ runner: 'gpu-runner-1' }).handle(jobOf('e-4')),
    ]);
    const types = await typesOf('e-4');
    assert.equal(types.filter((type) => type === 'completed').length, 1, types.join());
    assert.equal((await evaluationOf('e-4')).state, 'completed');
  });

  it('end as failed, with the reason, when the bundle is broken or unknown', async () => {
    await evaluations().handle(jobOf('e-5', { ...request, digest: broken }));
    assert.deepEqual(await typesOf('e-5'), ['started', 'failed']);
    const { failure } = await evaluationOf('e-5');
    assert.equal(failure?.code, 'CVE_BUNDLE_ONNX_INVALID');
    assert.match(failure?.message ?? '', /^CVE_BUNDLE_ONNX_INVALID: tiny 1\.1: query.onnx cannot be loaded/);
    await evaluations().handle(jobOf('e-6', { ...request, digest: `sha256:${'0'.repeat(64)}` }));
    assert.equal((await evaluationOf('e-6')).failure?.code, 'CVE_ARTIFACT_UNKNOWN');
  });

  it('stay failed when the failed request is delivered again, and run again when somebody asks again', async () => {
    await evaluations().handle(jobOf('e-7', { ...request, digest: broken }));
    await evaluations().handle(jobOf('e-7', { ...request, digest: broken }, 2));
    assert.deepEqual(await typesOf('e-7'), ['started', 'failed']);
    await evaluations().handle(jobOf('e-7'));
    assert.deepEqual(await typesOf('e-7'), ['started', 'failed', 'started', 'completed']);
  });

  it('leave what may pass to the next delivery, and fail when given up', async () => {
    const away = new ConclaveError('CVE_BUS_UNAVAILABLE', 'away');
    const failing = evaluations({ fetchDirectory: () => Promise.reject(away) });
    await assert.rejects(failing.handle(jobOf('e-8')), { code: 'CVE_BUS_UNAVAILABLE' });
    assert.equal((await evaluationOf('e-8')).state, 'running');
    await failing.giveUp(jobOf('e-8'), away);
    const { state, failure } = await evaluationOf('e-8');
    assert.deepEqual([state, failure?.code], ['failed', 'CVE_BUS_UNAVAILABLE']);
  });

  it('leave an evaluation to the next delivery when the runner stops', async () => {
    const stopping = new AbortController();
    const handled = evaluations().handle({ ...jobOf('e-9'), signal: stopping.signal });
    stopping.abort();
    await assert.rejects(handled, { code: 'CVE_CANCELLED' });
    assert.equal((await evaluationOf('e-9')).state, 'running');
  });

  it('name the artifacts that they use, from before they are fetched until the end', async () => {
    let asked: readonly string[] = [];
    const running = evaluations({
      fetchDirectory: async (digest) => {
        asked = running.inUse;
        return dirs.get(digest) ?? unknownArtifact(digest);
      },
    });
    const handled = running.handle(jobOf('e-11'));
    await until(() => asked.length > 0, 'fetching');
    assert.deepEqual([...asked].sort(), [VERSIONS.dataset, VERSIONS['1.0'], VERSIONS['1.1']].sort());
    assert.deepEqual([...running.inUse], [...asked]);
    await handled;
    assert.deepEqual(running.inUse, []);
  });

  it('refuse what is no offline request for good', async () => {
    const isTerminal = (error: unknown) => isConclaveError(error, 'CVE_REQUEST_INVALID') && error.retry === 'terminal';
    await assert.rejects(evaluations().handle(jobOf('e-10', {})), isTerminal);
    const other = { ...request, kind: 'rollback_test', rolloutId: 'r', stageEpoch: 1, runner: 'x' };
    await assert.rejects(evaluations().handle(jobOf('e-10', other)), /ask runner x for it directly/);
    await evaluations().giveUp(jobOf('e-10', {}), new ConclaveError('CVE_REQUEST_INVALID', 'no request'));
    assert.deepEqual(await typesOf('e-10'), []);
  });
});

function unknownArtifact(digest: string): never {
  throw new ConclaveError('CVE_ARTIFACT_UNKNOWN', digest);
}
