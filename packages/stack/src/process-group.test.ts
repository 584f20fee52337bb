import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { signalProcess } from './process-group.ts';
import { waitUntil } from './wait.ts';

const onLinux = process.platform === 'linux' ? {} : { skip: 'needs /proc' };

test('a process that has ended is gone, though its parent never collects it', onLinux, async (context) => {
  // The shell becomes a program that knows nothing of the child it inherits.
  const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 100'], { stdio: ['ignore', 'pipe', 'inherit'] });
  context.after(() => parent.kill('SIGKILL'));
  const [line] = await once(parent.stdout, 'data');
  assert.ok(await waitUntil(() => !signalProcess(Number(String(line)), 0), 20_000));
  assert.equal(parent.exitCode, null);
  assert.equal(signalProcess(parent.pid ?? 0, 0), true);
});
