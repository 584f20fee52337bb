import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { reservePorts } from './ports.ts';

test('gives different free ports', async () => {
  const ports = await reservePorts([0, 0, 0, 0]);
  assert.equal(new Set(ports).size, 4);
});

test('gives no port twice that another process has asked for and does not listen on yet', async (context) => {
  const ask = `
    const { reservePorts } = await import(${JSON.stringify(new URL('./ports.ts', import.meta.url).href)});
    console.log(await reservePorts([0]).then(([port]) => port));
    process.stdin.resume();`;
  const other = spawn(process.execPath, ['--input-type=module', '-e', ask], { stdio: ['pipe', 'pipe', 'inherit'] });
  context.after(() => other.kill('SIGKILL'));
  const [line] = await once(other.stdout, 'data');
  const theirs = Number(line);
  assert.notDeepEqual(await reservePorts([theirs]), [theirs]);
  other.kill('SIGKILL');
  await once(other, 'exit');
  assert.deepEqual(await reservePorts([theirs]), [theirs], 'the claim ends with its process');
});

test('gives a wished port while it is free, else another', async (context) => {
  const [wish = 0] = await reservePorts([0]);
  assert.deepEqual(await reservePorts([wish]), [wish]);
  const holder = createServer().listen(wish, '127.0.0.1');
  context.after(() => holder.close());
  await once(holder, 'listening');
  assert.notDeepEqual(await reservePorts([wish]), [wish]);
});
