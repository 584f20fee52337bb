import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { holdLease } from './lease.ts';
import type { Lease, LeaseHandle } from './ports/lease.ts';
import { startTestBus, type TestBus, until } from './testing/index.ts';

const TTL_MS = 2000;

interface Candidate {
  readonly handle: LeaseHandle;
  readonly acquired: Lease[];
  readonly lost: string[];
}

async function candidate(test: TestBus, holder: string): Promise<Candidate> {
  const acquired: Lease[] = [];
  const lost: string[] = [];
  const handle = holdLease(await test.connect(), {
    name: 'leader',
    holder,
    ttlMs: TTL_MS,
    onAcquired: (lease) => void acquired.push(lease),
    onLost: (reason) => void lost.push(reason),
  });
  return { handle, acquired, lost };
}

const start = (): Promise<TestBus> => startTestBus({ topology: { leaseTtlMs: TTL_MS } });

describe('lease', () => {
  it('has one holder, who keeps it by renewing', async () => {
    await using test = await start();
    const all = await Promise.all(['a', 'b', 'c'].map((holder) => candidate(test, holder)));
    await until(() => all.some(({ acquired }) => acquired.length > 0), 'somebody holds it');
    const started = performance.now();
    await until(() => {
      assert.ok(all.filter(({ handle }) => handle.current !== undefined).length <= 1);
      return performance.now() - started > 3 * TTL_MS;
    }, 'three lives are over');
    assert.equal(all.flatMap(({ acquired }) => acquired).length, 1);
    assert.equal(all.flatMap(({ lost }) => lost).length, 0);
    await Promise.all(all.map(({ handle }) => handle.release()));
  });

  it('goes over at once when it is released, with a higher fence', async () => {
    await using test = await start();
    const first = await candidate(test, 'first');
    await until(() => first.handle.current, 'the first holds it');
    const second = await candidate(test, 'second');
    const old = first.acquired[0];
    const released = performance.now();
    await first.handle.release();
    assert.equal(old?.isHeld(), false);
    assert.deepEqual(first.lost, ['released']);
    const lease = await until(() => second.handle.current, 'the second holds it');
    assert.ok(performance.now() - released < TTL_MS, 'sooner than by expiry');
    assert.ok(lease.fence > (old?.fence ?? 0));
    await second.handle.release();
  });

  it('is lost when NATS is away longer than its life, and found again with a higher fence', async () => {
    await using test = await start();
    const only = await candidate(test, 'only');
    const before = await until(() => only.handle.current, 'it holds it');
    await test.nats.kill();
    await until(() => only.lost.length === 1, 'it is lost', 3 * TTL_MS);
    assert.equal(before.isHeld(), false);
    await test.nats.restart();
    const after = await until(() => only.handle.current, 'it holds it again');
    assert.ok(after.fence > before.fence);
    assert.equal(before.isHeld(), false);
    await only.handle.release();
  });

  it('survives a short crash of the server', async () => {
    await using test = await startTestBus({ topology: { leaseTtlMs: 10_000 } });
    const lost: string[] = [];
    let acquired = 0;
    const handle = holdLease(test.bus, {
      name: 'leader',
      holder: 'steady',
      ttlMs: 10_000,
      onAcquired: () => void acquired++,
      onLost: (reason) => void lost.push(reason),
    });
    await until(() => handle.current, 'it holds it');
    await test.nats.kill();
    await test.nats.restart();
    await until(() => test.bus.connected, 'connected again');
    assert.ok(handle.current);
    assert.deepEqual([acquired, lost], [1, []]);
    await handle.release();
  });

  it('is taken over from a frozen process, whose first look after waking says that it does not hold it', async (t) => {
    await using test = await start();
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, 'testing/lease-holder.ts'), test.nats.url, 'frozen', String(TTL_MS)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    t.after(() => child.kill('SIGKILL'));
    const events: { event: string; fence?: number; held?: boolean }[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => events.push(JSON.parse(line)));
    const first = await until(() => events.find(({ event }) => event === 'acquired'), 'the child holds it');
    const other = await candidate(test, 'other');
    child.kill('SIGSTOP');
    const frozen = performance.now();
    const lease = await until(() => other.handle.current, 'the other takes over');
    // The takeover may come sooner than a whole life after the freeze; the sleeper must have slept through its own.
    await until(() => performance.now() - frozen > 1.5 * TTL_MS, 'a life and a half has passed');
    assert.ok(lease.fence > (first.fence ?? 0));
    child.kill('SIGCONT');
    const woke = await until(() => events.find(({ event }) => event === 'woke'), 'the child wakes');
    assert.equal(woke.held, false);
    await until(() => events.find(({ event }) => event === 'lost'), 'the child hears of it');
    assert.equal(lease.isHeld(), true);
    child.kill('SIGTERM');
    await once(child, 'exit');
    await other.handle.release();
  });
});
