import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { isConclaveError } from '@conclave/contracts';
import { lockDataDir } from './data-dir-lock.ts';
import { signalProcess } from './process-group.ts';
import { temporaryDir } from './testing/temporary.ts';

test('refuses a second holder and names the first', async (context) => {
  const dataDir = await temporaryDir(context);
  const lock = await lockDataDir(dataDir);
  await assert.rejects(lockDataDir(dataDir), (error) => {
    assert.ok(isConclaveError(error, 'CVE_STACK_LOCKED'));
    assert.match(error.message, new RegExp(`process ${process.pid}`));
    return true;
  });
  lock.release();
  (await lockDataDir(dataDir)).release();
});

test('takes over from a process that is gone, and from a later one with its number', async (context) => {
  const dataDir = await temporaryDir(context);
  const file = join(dataDir, 'stack.lock');
  const gone = spawn(process.execPath, ['-e', '']);
  await once(gone, 'exit');
  await writeFile(file, JSON.stringify({ pid: gone.pid, startTime: '1' }));
  (await lockDataDir(dataDir)).release();
  await writeFile(file, JSON.stringify({ pid: process.ppid, startTime: 'another' }));
  (await lockDataDir(dataDir)).release();
});

test('waits for the guard of a killed stack', async (context) => {
  const dataDir = await temporaryDir(context);
  const guard = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 600)']);
  await writeFile(
    join(dataDir, 'stack.lock'),
    JSON.stringify({ pid: 999_999_999, startTime: '', guardPid: guard.pid }),
  );
  const lock = await lockDataDir(dataDir);
  assert.equal(signalProcess(guard.pid ?? 0, 0), false);
  lock.release();
});

/** Takes the lock of the directory it is given and stays; removing the file of another takes it half a second. */
const slowRemover = `
  import fs from 'node:fs';
  import { syncBuiltinESMExports } from 'node:module';
  const [file, dataDir] = process.argv.slice(1);
  const { lockDataDir } = await import(${JSON.stringify(new URL('./data-dir-lock.ts', import.meta.url))});
  const { rmSync } = fs;
  fs.rmSync = (path, options) => {
    if (path === file) {
      console.log('removing');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    }
    rmSync(path, options);
  };
  syncBuiltinESMExports();
  console.log(await lockDataDir(dataDir).then(() => 'taken', () => 'refused'));
  process.stdin.resume();
`;

for (const [what, content] of [
  ['of a process that is gone', JSON.stringify({ pid: 999_999_999, startTime: '' })],
  ['that names nobody', ''],
] as const) {
  test(`of two that find the same file, ${what}, one takes the lock`, async (context) => {
    const dataDir = await temporaryDir(context);
    const file = join(dataDir, 'stack.lock');
    await writeFile(file, content);
    const args = ['--input-type=module', '-e', slowRemover, file, dataDir];
    const other = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    context.after(() => other.kill('SIGKILL'));
    const says = createInterface({ input: other.stdout })[Symbol.asyncIterator]();
    assert.equal((await says.next()).value, 'removing');
    const lock = await lockDataDir(dataDir).catch(() => undefined);
    assert.equal((await says.next()).value, lock === undefined ? 'taken' : 'refused');
    lock?.release();
  });
}

test('replaces a file that is no lock', async (context) => {
  const dataDir = await temporaryDir(context);
  const file = join(dataDir, 'stack.lock');
  await writeFile(file, '');
  const lock = await lockDataDir(dataDir);
  assert.equal(JSON.parse(await readFile(file, 'utf8')).pid, process.pid);
  lock.release();
});
