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

/** The reason of a loss that the machine may be to blame for, when it stands still. */
const TOO_LATE = 'it could not be renewed in time';

interface Candidate {
  readonly handle: LeaseHandle;
  readonly acquired: Lease[];
  readonly lost: string[];
  /** Milliseconds for which it has held the lease without a break; 0 when it does not. */
  heldMs(): number;
}

async function candidate(test: TestBus, holder: string, ttlMs = TTL_MS): Promise<Candidate> {
  const acquired: Lease[] = [];
  const lost: string[] = [];
  let acquiredAt = 0;
  const handle = holdLease(await test.connect(), {
    name: 'leader',
    holder,
    ttlMs,
    onAcquired: (lease) => {
      acquired.push(lease);
      acquiredAt = performance.now();
    },
    onLost: (reason) => void lost.push(reason),
  });
  const heldMs = (): number => (handle.current === undefined ? 0 : performance.now() - acquiredAt);
  return { handle, acquired, lost, heldMs };
}

const start = (leaseTtlMs = TTL_MS): Promise<TestBus> => startTestBus({ topology: { leaseTtlMs } });

describe('lease', () => {
  it('has one holder, who keeps it by renewing', async () => {
    await using test = await start();
    const all = await Promise.all(['a', 'b', 'c'].map((holder) => candidate(test, holder)));
    const keepsIt = (): boolean => {
      assert.ok(all.filter(({ handle }) => handle.current !== undefined).length <= 1);
      return all.some(({ heldMs }) => heldMs() > 2 * TTL_MS);
    };
    await until(keepsIt, 'somebody has held it for two lives', 60_000);
    for (const { lost } of all)
      assert.ok(
        lost.every((reason) => reason === TOO_LATE),
        lost.join(),
      );
    await Promise.all(all.map(({ handle }) => handle.release()));
  });

  it('goes over at once when it is released, with a higher fence', async () => {
    const ttlMs = 120_000;
    await using test = await start(ttlMs);
    const first = await candidate(test, 'first', ttlMs);
    await until(() => first.handle.current, 'the first holds it');
    const second = await candidate(test, 'second', ttlMs);
    const old = first.acquired[0];
    await first.handle.release();
    assert.equal(old?.isHeld(), false);
    assert.deepEqual(first.lost, ['released']);
    const lease = await until(() => second.handle.current, 'the second holds it, long before it would expire');
    assert.ok(lease.fence > (old?.fence ?? 0));
    await second.handle.release();
  });

  it('is lost when NATS is away longer than its life, and found again with a higher fence', async () => {
    await using test = await start();
    const only = await candidate(test, 'only');
    const before = await until(() => only.handle.current, 'it holds it');
    await test.nats.kill();
    await until(() => only.handle.current === undefined && only.lost.length > 0, 'it is lost');
    assert.equal(before.isHeld(), false);
    await test.nats.restart();
    const after = await until(() => only.handle.current, 'it holds it again');
    assert.ok(after.fence > before.fence);
    assert.equal(before.isHeld(), false);
    await only.handle.release();
  });

  it('survives a crash of the server that is shorter than its life, a renewal that was due in it included', async () => {
    const ttlMs = 12_000;
    await using test = await start(ttlMs);
    const steady = await candidate(test, 'steady', ttlMs);
    const lease = await until(() => steady.handle.current, 'it holds it');
    await test.nats.kill();
    await until(() => steady.heldMs() > 0.4 * ttlMs, 'a third of its life is over');
    await test.nats.restart();
    await until(() => test.bus.connected, 'connected again');
    assert.equal(steady.handle.current, lease);
    assert.deepEqual([steady.acquired.length, steady.lost], [1, []]);
    await steady.handle.release();
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
    const wokenAt = performance.now();
    await until(() => other.lost.length > 0 || performance.now() - wokenAt > TTL_MS, 'the other renews it meanwhile');
    assert.ok(
      other.lost.every((reason) => reason === TOO_LATE),
      other.lost.join(),
    );
    child.kill('SIGTERM');
    await once(child, 'exit');
    await other.handle.release();
  });
});
