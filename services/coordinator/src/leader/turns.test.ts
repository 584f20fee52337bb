import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as settled } from 'node:timers/promises';
import { fakeClock } from '@conclave/service';
import { PAUSE_MS, type Part, SOON_MS, TICK_MS, takeTurns } from './turns.ts';

/** Turns whose clock and timers only the test moves; a turn ends when `end` is called. */
function bench() {
  const clock = fakeClock();
  const timers = new Set<{ readonly atMs: number; run(): void }>();
  const taken: string[] = [];
  const errors: unknown[] = [];
  let timersMs = 0;
  let open: PromiseWithResolvers<void> | undefined;
  const turns = takeTurns({
    clock,
    turn(parts) {
      assert.equal(open, undefined, 'one turn at a time');
      taken.push([...parts].sort().join(' '));
      open = Promise.withResolvers<void>();
      return open.promise;
    },
    onError: (error) => errors.push(error),
    later(ms, run) {
      const timer = { atMs: timersMs + ms, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
  });
  const wait = async (ms: number): Promise<void> => {
    for (const endMs = timersMs + ms; timersMs < endMs; ) {
      timersMs += 5;
      for (const timer of [...timers]) {
        if (timer.atMs > timersMs || !timers.delete(timer)) continue;
        timer.run();
        await settled();
      }
    }
  };
  return {
    taken,
    errors,
    wake: (...parts: Part[]) => turns.wake(parts),
    wakeSoon: (...parts: Part[]) => turns.wakeSoon(parts),
    stop: () => turns.stop(),
    /** Timers run, and the clock stands still. */
    wait,
    async pass(ms: number): Promise<void> {
      clock.advance(ms);
      await wait(ms);
    },
    async end(error?: Error): Promise<void> {
      assert.ok(open, 'a turn is being taken');
      const ended = open;
      open = undefined;
      if (error === undefined) ended.resolve();
      else ended.reject(error);
      await settled();
    },
  };
}

test('what arrives is a turn at once, of its part alone', async () => {
  const b = bench();
  b.wake('schedule');
  assert.deepEqual(b.taken, ['schedule']);
  await b.end();
  await b.wait(PAUSE_MS);
  b.wake('rollouts');
  assert.deepEqual(b.taken, ['schedule', 'rollouts']);
});

test('whatever is asked for during a turn is one more turn after it, and none after that', async () => {
  const b = bench();
  b.wake('schedule');
  for (let n = 0; n < 50; n++) b.wake('schedule');
  b.wake('rollouts');
  assert.equal(b.taken.length, 1);
  await b.end();
  await b.wait(PAUSE_MS);
  assert.deepEqual(b.taken, ['schedule', 'rollouts schedule']);
  await b.end();
  await b.wait(10 * TICK_MS);
  assert.equal(b.taken.length, 2, 'nobody asked, and no time has passed');
});

test('what arrives right after a turn shares the next', async () => {
  const b = bench();
  b.wake('schedule');
  await b.end();
  b.wake('schedule');
  b.wake('schedule');
  assert.equal(b.taken.length, 1);
  await b.wait(PAUSE_MS);
  assert.equal(b.taken.length, 2);
});

test('many that are not urgent are one turn, soon', async () => {
  const b = bench();
  for (let n = 0; n < 100; n++) b.wakeSoon('rollouts');
  assert.deepEqual(b.taken, []);
  await b.wait(SOON_MS);
  assert.deepEqual(b.taken, ['rollouts']);
  await b.end();
  await b.wait(10 * SOON_MS);
  assert.equal(b.taken.length, 1);
});

test('time is a turn when it has passed, and the more urgent part oftener', async () => {
  const b = bench();
  const counted = (part: Part): number => b.taken.filter((parts) => parts.includes(part)).length;
  for (let ms = 0; ms < 6000; ms += TICK_MS) {
    const before = b.taken.length;
    await b.pass(TICK_MS);
    if (b.taken.length > before) await b.end();
  }
  assert.ok(counted('schedule') >= 12 && counted('schedule') <= 15, `${counted('schedule')}`);
  assert.ok(counted('rollouts') >= 6 && counted('rollouts') <= 8, `${counted('rollouts')}`);
});

test('a turn that failed is told, and the next comes', async () => {
  const b = bench();
  b.wake('schedule');
  await b.end(new Error('no'));
  assert.equal(b.errors.length, 1);
  await b.wait(PAUSE_MS);
  b.wake('schedule');
  assert.equal(b.taken.length, 2);
});

test('after the stop there is no turn, and the present one is waited for', async () => {
  const b = bench();
  b.wake('schedule');
  b.wake('rollouts');
  b.wakeSoon('rollouts');
  let stopped = false;
  const stopping = b.stop().then(() => {
    stopped = true;
  });
  await settled();
  assert.equal(stopped, false);
  await b.end();
  await stopping;
  await b.pass(10 * TICK_MS);
  assert.equal(b.taken.length, 1);
});
