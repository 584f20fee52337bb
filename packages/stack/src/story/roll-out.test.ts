import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Rollout } from '@conclave/core';
import { ROLLOUT, startRolloutJournal } from '../testing/rollout-journal.ts';
import { awaitEnding } from './await-ending.ts';
import { type RolledOut, rollOut } from './roll-out.ts';

type End = 'latency_p95_ms' | 'ndcg@10' | 'operator' | 'completed';

/** Rolls 1.0 out on a journal on which each rollout ends as `ends` says, in turn. */
async function story(ends: readonly End[], options: Partial<RolledOut> & { another?: boolean } = {}) {
  await using bench = await startRolloutJournal();
  const { follower, happens } = bench;
  const fell: Rollout[] = [];
  const { signal } = new AbortController();
  let applied = 0;
  const apply = async (): Promise<void> => {
    const end = ends[applied++] ?? assert.fail('applied once too often');
    const rolloutId = `r${applied}`;
    await happens((told) => told.applied({ ...ROLLOUT, rolloutId }));
    await happens((told) => told.entered('shadow'));
    await happens((told) =>
      end === 'completed'
        ? told.completed()
        : told.aborted({ reason: 'it fell', ...(end === 'operator' ? {} : { gate: end }) }),
    );
    if (options.another === true) {
      await happens((told) => told.applied({ ...ROLLOUT, version: '1.1', rolloutId: 'another' }));
      await follower.waitFor((world) => world.rollouts.m?.current?.rolloutId === 'another' || undefined, {
        timeoutMs: 30_000,
        what: 'another rollout',
      });
    }
  };
  const rollout = await rollOut(follower, {
    model: 'm',
    version: '1.0',
    expects: 'completed',
    pauseMs: 1,
    apply,
    ending: () => awaitEnding(follower, { model: 'm', version: '1.0', usualMs: 30_000, onMissing: undefined, signal }),
    onFell: (fallen) => fell.push(fallen),
    signal,
    ...options,
  });
  return { applied, fell: fell.map((r) => r.rolloutId), phase: rollout.phase, rolloutId: rollout.rolloutId };
}

test('a version that fell on latency is applied again until it earns production', async () => {
  const expected = { applied: 3, fell: ['r1', 'r2'], phase: 'completed', rolloutId: 'r3' };
  assert.deepEqual(await story(['latency_p95_ms', 'latency_p95_ms', 'completed']), expected);
});

test('the third fall is the last', async () => {
  const expected = { applied: 3, fell: ['r1', 'r2'], phase: 'rolled_back', rolloutId: 'r3' };
  assert.deepEqual(await story(['latency_p95_ms', 'latency_p95_ms', 'latency_p95_ms']), expected);
});

const once = { applied: 1, fell: [], rolloutId: 'r1' };

test('a version that fell on its quality, or by a person, is not applied again', async () => {
  assert.deepEqual(await story(['ndcg@10']), { ...once, phase: 'rolled_back' });
  assert.deepEqual(await story(['operator']), { ...once, phase: 'rolled_back' });
});

test('a version that should fall is not applied again when it does', async () => {
  assert.deepEqual(await story(['latency_p95_ms'], { expects: 'rolled_back' }), { ...once, phase: 'rolled_back' });
});

test('a version that fell before another was applied is left where it is', async () => {
  assert.deepEqual(await story(['latency_p95_ms'], { another: true }), { ...once, phase: 'rolled_back' });
});
