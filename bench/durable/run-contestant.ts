import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const LAST_LINES = 15;

/**
 * Runs a contestant's module in a process of its own and returns what its `measure` returned.
 * @param workDir where it puts its data: on the disk that is to be measured.
 * @throws with the last lines of its output when it fails or takes longer than `limitMs`.
 */
export async function runContestant(
  module: string,
  counts: readonly number[],
  options: { workDir: string; limitMs: number },
): Promise<unknown> {
  const child = fork(join(import.meta.dirname, 'contestant.ts'), [module, ...counts.map(String)], {
    env: { ...process.env, TMPDIR: options.workDir },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-20_000);
    });
  }
  let measured: unknown;
  child.on('message', (message) => {
    measured = message;
  });
  const timer = setTimeout(() => child.kill('SIGTERM'), options.limitMs);
  await once(child, 'exit');
  clearTimeout(timer);
  if (measured !== undefined) return measured;
  const tail = output.trim().split('\n').slice(-LAST_LINES).join('\n');
  throw new Error(`${module} ended (${child.signalCode ?? child.exitCode}) without figures:\n${tail}`);
}
