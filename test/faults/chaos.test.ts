import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pass } from 'node:timers/promises';
import { isEnded } from '@conclave/core';
import { assertJournalSound } from '../fixtures/journal-invariants.ts';
import { startSystem } from '../fixtures/system.ts';
import { TINY_MODEL } from '../fixtures/tiny-model.ts';

const VICTIMS = ['coordinator-0', 'coordinator-1', 'planner-0', 'executor-0', 'gpu-runner-0', 'nats-server'] as const;
const KILLS = 12;

/** CONCLAVE_CHAOS_SEED gives another history; even the same one never meets the same timing twice. */
const seed = Number(process.env.CONCLAVE_CHAOS_SEED ?? 20_261_122);

test(`kills at random, without waiting for anybody to come back (seed ${seed})`, async (t) => {
  const { given, when, expect, world, stack } = await startSystem(t, { replicas: { coordinator: 2 } });
  await given.adopted('1.0');
  when.traffic(60);
  await when.applied('1.0');
  const random = generator(seed);
  for (let kill = 0; kill < KILLS; kill++) {
    await pass(300 + random() * 1500);
    const victim = VICTIMS[Math.floor(random() * VICTIMS.length)] ?? 'nats-server';
    if (victim === 'nats-server') await when.natsKilled();
    else stack.supervisor.kill(victim, 'SIGKILL');
  }
  const rollout = await expect.holds('the end of the rollout', ({ rollouts }) => {
    const found = rollouts[TINY_MODEL]?.current;
    return found !== undefined && isEnded(found) ? found : undefined;
  });
  // A runner that dies loses the requests it was answering; enough of those are an honest breach. Anything else must complete.
  if (rollout.phase === 'rolled_back')
    assert.match(rollout.ended?.gate ?? '', /^(slo_compliance|latency_p95_ms|rollback_test)$/, rollout.ended?.reason);
  else assert.equal(world().rollouts[TINY_MODEL]?.stable?.version, '1.0');
  assertJournalSound(await expect.everyActionEnded(), { finished: true });
});

/** Mulberry32: numbers in [0, 1) from a seed. */
function generator(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
