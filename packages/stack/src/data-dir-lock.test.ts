import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { isConclaveError } from '@conclave/contracts';
import { lockDataDir } from './data-dir-lock.ts';
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
  assert.notEqual(guard.exitCode, null);
  lock.release();
});

test('replaces a file that is no lock', async (context) => {
  const dataDir = await temporaryDir(context);
  const file = join(dataDir, 'stack.lock');
  await writeFile(file, '');
  const lock = await lockDataDir(dataDir);
  assert.equal(JSON.parse(await readFile(file, 'utf8')).pid, process.pid);
  lock.release();
});
