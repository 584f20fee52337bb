import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { reservePorts } from './ports.ts';

test('gives different free ports', async () => {
  const ports = await reservePorts([0, 0, 0, 0]);
  assert.equal(new Set(ports).size, 4);
});

test('gives a wished port while it is free, else another', async (context) => {
  const [wish = 0] = await reservePorts([0]);
  assert.deepEqual(await reservePorts([wish]), [wish]);
  const holder = createServer().listen(wish, '127.0.0.1');
  context.after(() => holder.close());
  await once(holder, 'listening');
  assert.notDeepEqual(await reservePorts([wish]), [wish]);
});
