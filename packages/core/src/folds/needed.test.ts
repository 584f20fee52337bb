import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256 } from '@conclave/contracts';
import { type History, history } from '@conclave/histories';
import type { World } from './world.ts';

const MODEL = 'search';
const DATASET = sha256('another dataset');
const searching = (): History => history({ model: MODEL, stable: '0.9', candidate: '1.0', dataset: 'queries' });
/** Adopted, applied, and in its first stage. */
const inShadow = (): History => searching().adopted().applied().entered('shadow').serving();

/** More of what nobody needs than the world keeps of it. */
const flood = {
  evaluations: (h: History): void => {
    for (let n = 0; n < 600; n++)
      h.evaluationFailed(h.offlineRequest({ digest: sha256(`${n}`) }), { id: `flood-${h.seq}` });
  },
  /** `inTheWorld` that never end. */
  running: (h: History): void => {
    for (let n = 0; n < 1100; n++)
      h.evaluationStarted(h.offlineRequest({ digest: sha256(`${n}`) }), { id: `flood-${h.seq}` });
  },
  actions: (h: History): void => {
    for (let n = 0; n < 1000; n++) h.actionCompleted(`flood-${h.seq}`);
  },
  meetings: (h: History): void => {
    for (let n = 0; n < 150; n++) h.meetingClosed(`flood-${h.seq}`);
  },
};

const has = ({ evaluations }: World, ids: readonly string[]): string[] =>
  ids.filter((id) => evaluations[id] !== undefined);

test('an offline evaluation is kept for its digest and its dataset, both those of the open rollout', () => {
  const h = inShadow();
  h.evaluated(0.7, { id: 'both' });
  h.evaluated(0.7, { id: 'other-bundle', request: { digest: sha256('other') } });
  h.evaluated(0.7, { id: 'other-dataset', request: { dataset: DATASET } });
  h.evaluated(0.7, { id: 'other-model', request: { model: 'unknown' } });
  const all = ['both', 'other-bundle', 'other-dataset', 'other-model'];
  assert.deepEqual(has(h.world, all), all);
  flood.evaluations(h);
  assert.deepEqual(has(h.world, all), ['both']);
  h.aborted();
  flood.evaluations(h);
  assert.deepEqual(has(h.world, all), []);
});

test('a rollback test is kept for its rollout and stage epoch', () => {
  const h = inShadow();
  const { rolloutId } = h.rollout;
  h.rollbackTested(true, { id: 'now' });
  h.rollbackTested(true, { id: 'other-rollout', request: { rolloutId: 'other', stageEpoch: h.rollout.stageEpoch } });
  h.rollbackTested(true, { id: 'other-epoch', request: { rolloutId, stageEpoch: h.rollout.stageEpoch + 1 } });
  flood.evaluations(h);
  assert.deepEqual(has(h.world, ['now', 'other-rollout', 'other-epoch']), ['now']);
  h.entered('5_percent').serving();
  flood.evaluations(h);
  assert.deepEqual(has(h.world, ['now']), []);
});

test('a measurement that runs for an open rollout outlasts any number of others that never end', () => {
  const h = inShadow();
  h.evaluationStarted(h.offlineRequest(), { id: 'mine' });
  flood.running(h);
  assert.deepEqual(has(h.world, ['mine']), ['mine']);
});

test('of very many measurements of one rollout the newest are kept, and each that a gate reads', () => {
  const h = inShadow();
  const request = h.offlineRequest();
  const stable = h.digestOf('0.9');
  h.rollbackTested(false, { id: 'test-0-old' }).rollbackTested(true, { id: 'test-0' });
  h.rollbackTested(true, { id: 'test-1', request: { runner: 'gpu-runner-1' } });
  h.evaluated(0.7, { id: 'against-old' }).evaluated(0.7, { id: 'against-stable' });
  const failure = { baselineVersion: '0.9', baselineDigest: stable, code: 'CVE_EVALUATION_FAILED', message: 'it died' };
  const { baseline: _none, ...alone } = request;
  h.evaluated(0.7, { id: 'lost', request: { baseline: undefined }, result: { baselineFailure: failure } });
  h.evaluated(0.7, { id: 'alone-old', request: { baseline: undefined } });
  h.evaluated(0.7, { id: 'alone', request: { baseline: undefined } });
  const failed = (n: number): string => `failed-${n}`;
  for (let n = 0; n < 500; n++) h.evaluationFailed(alone, { id: failed(n) });
  flood.evaluations(h);
  const gates = ['test-0-old', 'test-0', 'test-1', 'against-old', 'against-stable', 'lost', 'alone-old', 'alone'];
  assert.deepEqual(has(h.world, gates), ['test-0', 'test-1', 'against-stable', 'lost', 'alone']);
  const ids = Array.from({ length: 500 }, (_, n) => failed(n));
  assert.deepEqual(has(h.world, ids), ids.slice(-100));
});

test('a run is kept as long as its action has not ended', () => {
  const h = searching().planned('plan', ['smoke_test', 'smoke_test']);
  for (const id of ['plan:1', 'plan:2']) h.dispatched(id).started(id).actionCompleted(id);
  h.ended('plan:2');
  flood.actions(h);
  assert.deepEqual([h.world.actions['plan:1']?.attempt, h.world.actions['plan:2']], [1, undefined]);
  h.ended('plan:1');
  flood.actions(h);
  assert.equal(h.world.actions['plan:1'], undefined);
});

test('what an open objection asks for is kept once it has succeeded, however long nobody leads', () => {
  const h = inShadow();
  const run = (id: string, tool: string, change: { ok?: boolean; model?: string; failed?: boolean } = {}): void => {
    const { ok = true, model = MODEL, failed = false } = change;
    h.started(id).toolCalled(id, tool, { args: { model } }).toolReturned(id, tool, { ok });
    h.actionCompleted(id, { outcome: failed ? 'failed' : 'succeeded' });
  };
  run('before', 'run_evaluation');
  const objection = { role: 'critic', reason: 'r', needs: ['run_evaluation'], until: '2027-01-01T00:00:00.000Z' };
  h.voted('no_go', { objections: [objection] });
  flood.actions(h);
  assert.equal(h.world.actions.before, undefined, 'what came before the objection does not meet it');
  run('older', 'run_evaluation');
  run('wanted', 'run_evaluation');
  run('other-tool', 'smoke_test');
  run('other-model', 'run_evaluation', { model: 'other' });
  run('refused', 'run_evaluation', { ok: false });
  run('failed', 'run_evaluation', { failed: true });
  const ids = ['older', 'wanted', 'other-tool', 'other-model', 'refused', 'failed'];
  const kept = (): string[] => ids.filter((id) => h.world.actions[id] !== undefined);
  assert.deepEqual(kept(), ids);
  flood.actions(h);
  assert.deepEqual(kept(), ['wanted']);
  h.voteLifted();
  flood.actions(h);
  assert.deepEqual(kept(), []);
});

test('the newest meeting that decided on an open rollout in its stage is kept: its vote may not be on record yet', () => {
  const h = inShadow();
  const decided = (id: string, change: object = {}): void => {
    h.meetingClosed(id, { decisions: [h.decision('go', change)] });
  };
  decided('older');
  decided('newest');
  decided('other-epoch', { stageEpoch: h.rollout.stageEpoch + 1 });
  decided('other-rollout', { rolloutId: 'other' });
  const ids = ['older', 'newest', 'other-epoch', 'other-rollout'];
  const kept = (): string[] => ids.filter((id) => h.world.meetings[id] !== undefined);
  flood.meetings(h);
  assert.deepEqual(kept(), ['newest']);
  h.aborted();
  flood.meetings(h);
  assert.deepEqual(kept(), []);
});

test('versions that serve, served before or are rolled out stay registered, and the dataset that they search', () => {
  const h = searching().registered(['0.8', '0.9', '1.0', 'spare']).datasetRegistered();
  h.adopted({ version: '0.8', digest: h.digestOf('0.8') })
    .stableServing()
    .adopted()
    .applied();
  for (let n = 0; n < 300; n++) h.wait(1).registered([`nightly-${n}`]);
  for (let n = 0; n < 300; n++) h.wait(1).datasetRegistered({ digest: sha256(`${n}`) });
  const { registry } = h.world;
  const versions = Object.keys(registry[MODEL]?.versions ?? {});
  assert.deepEqual(
    ['0.8', '0.9', '1.0', 'spare', 'nightly-0', 'nightly-299'].filter((version) => versions.includes(version)),
    ['0.8', '0.9', '1.0', 'nightly-299'],
  );
  assert.ok(versions.length >= 200 && versions.length <= 250, `${versions.length} versions`);
  const datasets = registry['dataset:queries']?.datasets ?? [];
  assert.equal(datasets[0]?.digest, h.datasetDigest);
  assert.equal(datasets.at(-1)?.digest, sha256('299'));
  assert.ok(datasets.length >= 200 && datasets.length <= 251, `${datasets.length} registrations`);
});

test('names that serve and their datasets stay on the register, however many others come', () => {
  const h = searching().registered().datasetRegistered().adopted();
  h.about({ model: 'gone' }).registered();
  for (let n = 0; n < 1400; n++) h.about({ model: `model-${n}` }).registered(['1.0']);
  const { registry } = h.world;
  assert.deepEqual(
    [MODEL, 'dataset:queries', 'gone', 'model-1399'].filter((name) => registry[name] !== undefined),
    [MODEL, 'dataset:queries', 'model-1399'],
  );
  assert.ok(Object.keys(registry).length <= 1250);
});
