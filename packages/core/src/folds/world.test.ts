import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Aggregate, aggregates, type RawEvent, rolloutDefinition, sha256 } from '@conclave/contracts';
import { foldWorld } from './fold-world.ts';
import { initialWorld, type World } from './world.ts';

const AT = '2026-01-01T00:00:00.000Z';
const DIGEST = `sha256:${'1'.repeat(64)}`;
const DATASET = `sha256:${'d'.repeat(64)}`;

/** A journal in memory. */
function journal(): { world(): World; append(aggregate: Aggregate, type: string, data: object): void } {
  const world = initialWorld();
  return {
    world: () => world,
    append(aggregate, type, data) {
      const seq = world.seq + 1;
      const events: RawEvent[] = [{ id: `e${seq}`, type, at: AT, data }];
      foldWorld(world, { aggregate, seq, storedAt: AT, by: 'test', fence: undefined, events });
    },
  };
}

const evaluation = (digest: string) => ({
  runner: 'gpu-runner-0',
  attempt: 1,
  request: {
    kind: 'offline',
    model: 'search',
    version: '1.0',
    digest,
    dataset: DATASET,
    baseline: { version: '0.9', digest: sha256('0.9') },
  },
});

test('the evidence of an open rollout outlasts any number of later evaluations, and is forgotten after its end', () => {
  const { world, append } = journal();
  const { spec } = rolloutDefinition.parse({
    apiVersion: 'conclave/v1',
    kind: 'ModelRollout',
    metadata: { name: 'r' },
    spec: { model: 'search', version: '1.0', dataset: 'queries' },
  });
  const stages = spec.stages.map(({ name }) => ({ name, soakSeconds: 1 }));
  const definition = { ...spec, name: 'r', digest: DIGEST, datasetName: 'queries', dataset: DATASET, stages };
  append(aggregates.rollouts('search'), 'rollout.applied', { rolloutId: 'r1', definition, by: 'op' });
  const failed = { code: 'CVE_X', message: 'no' };
  append(aggregates.evaluation('mine'), 'evaluation.failed', { ...evaluation(DIGEST), ...failed });
  const others = (from: number): void => {
    for (let n = from; n < from + 500; n++)
      append(aggregates.evaluation(`other-${n}`), 'evaluation.failed', { ...evaluation(sha256(`${n}`)), ...failed });
  };
  others(0);
  assert.notEqual(world().evaluations.mine, undefined);
  assert.ok(Object.keys(world().evaluations).length <= 250);
  append(aggregates.rollouts('search'), 'rollout.aborted', { rolloutId: 'r1', by: 'op', reason: 'no' });
  others(500);
  assert.equal(world().evaluations.mine, undefined);
});

test('what never ends is forgotten too, beyond twice as many', () => {
  const { world, append } = journal();
  for (let n = 0; n < 1000; n++)
    append(aggregates.evaluation(`running-${n}`), 'evaluation.started', evaluation(sha256(`${n}`)));
  const kept = Object.keys(world().evaluations);
  assert.ok(kept.length >= 400 && kept.length <= 500, `${kept.length} are kept`);
  assert.equal(kept.at(-1), 'running-999');
});
