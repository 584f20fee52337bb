import assert from 'node:assert/strict';
import { it } from 'node:test';
import { openMembership } from './membership.ts';
import { startTestBus, until } from './testing/index.ts';

it('tells members who comes, changes, leaves and falls silent', async () => {
  await using test = await startTestBus({ topology: { membershipTtlMs: 1500 } });
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

  await until(() => told.length === 5, 'the other falls silent', 5000);
  assert.deepEqual(told[4], {});
  await until(async () => (await runners.all()).size === 0, 'the server forgets it too');
  await stop();
});

it('members that keep putting themselves stay, and a watcher survives a crash of the server', async () => {
  await using test = await startTestBus({ topology: { membershipTtlMs: 1500 } });
  const runners = openMembership(test.bus);
  const told: number[] = [];
  const stop = await runners.watch((all) => told.push(all.size));
  const beat = setInterval(() => void runners.put('steady', 1).catch(() => undefined), 200);
  try {
    await until(() => told.at(-1) === 1, 'it comes');
    const started = performance.now();
    await until(() => performance.now() - started > 2500, 'longer than an entry lives');
    assert.deepEqual(told, [0, 1]);
    await test.nats.restart();
    await until(() => told.at(-1) === 1, 'still there');
    await runners.put('new', 2);
    await until(() => told.at(-1) === 2, 'another comes');
  } finally {
    clearInterval(beat);
    await stop();
  }
});
