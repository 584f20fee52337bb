import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';

const lockModule = new URL('./lock.mjs', import.meta.url).href;

/**
 * Each contender adds a line when it enters and one when it leaves; two inside at once would show as two entries in a row. A slow one says
 * whom it found dead, stands still until somebody is inside, and then takes its time for each step on files.
 */
const contender = `
  import fs from 'node:fs';
  import { syncBuiltinESMExports } from 'node:module';
  const [path, log, pace] = process.argv.slice(1);
  const { withLock } = await import(${JSON.stringify(lockModule)});
  const sleep = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  const slowDown = () => {
    for (const name of ['linkSync', 'readFileSync', 'renameSync', 'rmSync', 'statSync']) {
      const step = fs[name];
      fs[name] = (...args) => (sleep(200), step(...args));
    }
    syncBuiltinESMExports();
  };
  const { kill } = process;
  if (pace === 'slow') process.kill = (pid, signal) => {
    process.kill = kill;
    console.log('found', pid);
    while (!fs.existsSync(log)) sleep(20);
    slowDown();
    return process.kill(pid, signal);
  };
  await withLock(path, async () => {
    fs.appendFileSync(log, 'in\\n');
    console.log(Date.now() - fs.statSync(path).mtimeMs);
    await new Promise((done) => setTimeout(done, pace === 'stays' ? 1500 : 100));
    fs.appendFileSync(log, 'out\\n');
  }, () => console.log('waits'));
`;

/** A new directory with a lock of this content in it, and what contends for it. */
function lockedBy(context, content) {
  const directory = mkdtempSync(join(tmpdir(), 'conclave-lock-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  const [path, log] = [join(directory, 'setup.lock'), join(directory, 'log')];
  writeFileSync(path, content);
  return {
    path,
    /** A contender that has been started: what it says, and its end. */
    enter(pace = 'usual') {
      const args = ['--input-type=module', '-e', contender, path, log, pace];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      const closed = once(child, 'close');
      return { pid: child.pid, says: createInterface({ input: child.stdout })[Symbol.asyncIterator](), closed };
    },
    entries: () => readFileSync(log, 'utf8'),
  };
}

const dead = JSON.stringify({ pid: 999_999_999, host: hostname() });

test('lets one process in at a time, after one that died holding the lock', async (context) => {
  const { enter, entries } = lockedBy(context, dead);
  await Promise.all([1, 2, 3, 4].map(() => enter().closed));
  assert.equal(entries(), 'in\nout\n'.repeat(4));
});

test('lets nobody in beside one that has taken over, however late another finds the same holder dead', async (context) => {
  const { enter, entries } = lockedBy(context, dead);
  const slow = enter('slow');
  assert.equal((await slow.says.next()).value, 'found 999999999');
  await Promise.all([slow.closed, enter('stays').closed, enter('stays').closed]);
  assert.equal(entries(), 'in\nout\n'.repeat(3));
});

test('whoever has waited for long holds a lock as fresh as any', async (context) => {
  const { path, enter } = lockedBy(context, JSON.stringify({ pid: process.pid, host: hostname() }));
  const { pid, says, closed } = enter();
  assert.equal((await says.next()).value, 'waits');
  const minuteAgo = new Date(Date.now() - 60_000);
  utimesSync(`${path}.${pid}`, minuteAgo, minuteAgo);
  rmSync(path);
  assert.ok(Number((await says.next()).value) < 30_000);
  await closed;
});

for (const [what, content] of [
  ['is empty', ''],
  ['is half a file', '{"pid":'],
  ['names nobody', 'null'],
]) {
  test(`takes over a lock that ${what}`, async (context) => {
    const { enter, entries } = lockedBy(context, content);
    await enter().closed;
    assert.equal(entries(), 'in\nout\n');
  });
}
