import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '@conclave/bus/testing';
import type { WorldFollower } from '@conclave/service';
import { ROLLOUT, startRolloutJournal } from '../testing/rollout-journal.ts';
import { type AwaitedEnding, awaitEnding } from './await-ending.ts';

/** A rollout that stands before its first stage, and what follows it. */
async function applied() {
  const bench = await startRolloutJournal();
  await bench.happens((told) => told.applied(ROLLOUT));
  return bench;
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
  await happens((told) => told.entered('shadow'));
  await happens((told) => told.serving());
  const ended = ending(follower, { onMissing: (missing) => told.push(missing.join('; ')) });
  await until(() => told.length === 1, 'the first telling');
  // Long enough for the seconds of soak that are left to read differently.
  const startedAt = performance.now();
  await until(() => performance.now() - startedAt > 1200, 'many looks later');
  await happens((told) => told.held('incident', { holdId: 'incident-1', by: 'coordinator', reason: 'P0 is open' }));
  await until(() => told.length > 1, 'the second telling');
  await happens((told) => told.aborted({ reason: 'enough' }));
  assert.equal((await ended).phase, 'rolled_back');
  assert.equal(told.length, 2);
  assert.match(told[0] ?? '', /soak/);
  assert.match(told[1] ?? '', /P0 is open/);
});

test('tells that no meeting can decide, where that keeps the rollout', async () => {
  await using bench = await applied();
  const stop = new AbortController();
  const told: string[] = [];
  const seating = () => ({ planning: [], executive: [], quorum: 4 });
  const onMissing = (missing: readonly string[]): void => {
    told.push(...missing);
    stop.abort();
  };
  await assert.rejects(ending(bench.follower, { onMissing, seating, signal: stop.signal }), /CVE_CANCELLED/);
  assert.deepEqual(told, ['no meeting can decide: 0 of 0 advisors present, quorum 4: see conclave doctor']);
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
