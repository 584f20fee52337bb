import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openJournal } from '@conclave/bus';
import { startTestBus, until } from '@conclave/bus/testing';
import { aggregates, DEFAULT_GATES } from '@conclave/contracts';
import { followWorld, type WorldFollower } from '@conclave/service';
import { type AwaitedEnding, awaitEnding } from './await-ending.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const definition = {
  name: 'n',
  model: 'm',
  version: '1.0',
  digest,
  datasetName: 'd',
  dataset: digest,
  authority: 'act',
  stages: [
    { name: 'shadow', soakSeconds: 60 },
    { name: 'production', soakSeconds: 60 },
  ],
  gates: DEFAULT_GATES.slice(0, 1),
};

/** A journal with a rollout that stands before its first stage, and what follows it. */
async function applied() {
  const bench = await startTestBus();
  const journal = openJournal(bench.bus, { by: 'test' });
  let events = 0;
  const happens = async (type: string, data: object): Promise<void> => {
    const event = { id: `e${events++}`, type: `rollout.${type}`, at: new Date().toISOString(), data };
    await journal.append(aggregates.rollouts('m'), 'any', [event]);
  };
  await happens('applied', { rolloutId: 'r', definition, by: 'ada' });
  const follower = await followWorld({ journal, onError: (error) => assert.fail(String(error)) });
  await follower.ready();
  return {
    follower,
    happens,
    async [Symbol.asyncDispose]() {
      await follower.stop();
      await bench[Symbol.asyncDispose]();
    },
  };
}

const ending = (follower: WorldFollower, options: Partial<AwaitedEnding> = {}) =>
  awaitEnding(follower, {
    model: 'm',
    version: '1.0',
    usualMs: 50,
    lookMs: 20,
    onMissing: undefined,
    signal: new AbortController().signal,
    ...options,
  });

test('tells what a slow rollout misses, once per change, and waits for its end however long it takes', async () => {
  await using bench = await applied();
  const { follower, happens } = bench;
  const told: string[] = [];
  await happens('stage_entered', { rolloutId: 'r', stage: 'shadow', stageEpoch: 1, share: 0, requestedBy: 'ada' });
  await happens('stage_serving', { rolloutId: 'r', stageEpoch: 1, runners: ['gpu-runner-0'] });
  const ended = ending(follower, { onMissing: (missing) => told.push(missing.join('; ')) });
  await until(() => told.length === 1, 'the first telling');
  // Long enough for the seconds of soak that are left to read differently.
  const startedAt = performance.now();
  await until(() => performance.now() - startedAt > 1200, 'many looks later');
  await happens('held', { holdId: 'incident-1', kind: 'incident', by: 'coordinator', reason: 'P0 is open' });
  await until(() => told.length > 1, 'the second telling');
  await happens('aborted', { rolloutId: 'r', by: 'ada', reason: 'enough' });
  assert.equal((await ended).phase, 'rolled_back');
  assert.equal(told.length, 2);
  assert.match(told[0] ?? '', /soak/);
  assert.match(told[1] ?? '', /P0 is open/);
});

test('fails when it takes too long and nobody wants to be told', async () => {
  await using bench = await applied();
  await assert.rejects(
    ending(bench.follower),
    /CVE_TOOL_TIMEOUT: the end of the rollout of m 1\.0 did not come within 50 ms/,
  );
});

test('ends at a signal', async () => {
  await using bench = await applied();
  const stop = new AbortController();
  const waiting = ending(bench.follower, { onMissing: () => stop.abort(), signal: stop.signal });
  await assert.rejects(waiting, /CVE_CANCELLED/);
});
