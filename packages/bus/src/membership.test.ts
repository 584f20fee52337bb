import assert from 'node:assert/strict';
import { it } from 'node:test';
import { openMembership } from './membership.ts';
import { startTestBus, until } from './testing/index.ts';

const TTL_MS = 1500;

it('tells members who comes, changes and leaves', async () => {
  await using test = await startTestBus({ topology: { membershipTtlMs: 60_000 } });
  const runners = openMembership(test.bus);
  await runners.put('gpu.0', { version: '1.0' });
  const told: Record<string, unknown>[] = [];
  const stop = await openMembership(await test.connect()).watch((all) => told.push(Object.fromEntries(all)));
  assert.deepEqual(told, [{ 'gpu.0': { version: '1.0' } }]);

  await runners.put('gpu-1', { version: '1.0' });
  await until(() => told.length === 2, 'another comes');
  await runners.put('gpu-1', { version: '1.1' });
  await until(() => told.length === 3, 'it changes');
  await runners.put('gpu-1', { version: '1.1' });
  await runners.delete('gpu.0');
  await until(() => told.length === 4, 'one leaves');
  assert.deepEqual(told[3], { 'gpu-1': { version: '1.1' } });
  assert.deepEqual(await runners.all(), new Map([['gpu-1', { version: '1.1' }]]));
  await stop();
});

it('tells members who falls silent', async () => {
  await using test = await startTestBus({ topology: { membershipTtlMs: TTL_MS } });
  const runners = openMembership(test.bus);
  let present: string[] = [];
  const stop = await openMembership(await test.connect()).watch((all) => {
    present = [...all.keys()];
  });
  await until(async () => {
    await runners.put('gpu-0', {});
    return present.includes('gpu-0');
  }, 'it comes');
  await until(() => present.length === 0, 'it falls silent');
  await until(async () => (await runners.all()).size === 0, 'the server forgets it too');
  await stop();
});

it('members that keep putting themselves stay, and a watcher survives a crash of the server', async () => {
  await using test = await startTestBus({ topology: { membershipTtlMs: TTL_MS } });
  const runners = openMembership(test.bus);
  let present: string[] = [];
  let steadySince: number | undefined;
  const stop = await runners.watch((all) => {
    present = [...all.keys()].sort();
    steadySince = present.includes('steady') ? (steadySince ?? performance.now()) : undefined;
  });
  const beating = ['steady'];
  const beat = setInterval(() => {
    for (const id of beating) void runners.put(id, 1).catch(() => undefined);
  }, 200);
  try {
    // A machine that stands still for longer than an entry lives silences them all.
    const staysMs = () => (steadySince === undefined ? 0 : performance.now() - steadySince);
    await until(() => staysMs() > 2 * TTL_MS, 'it stays for twice as long as an entry lives', 60_000);
    await test.nats.restart();
    beating.push('new');
    await until(() => present.join() === 'new,steady', 'another comes, and it is still there');
  } finally {
    clearInterval(beat);
    await stop();
  }
});
