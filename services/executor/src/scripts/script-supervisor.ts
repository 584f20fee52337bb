/**
 * The process between the executor and a script.
 *
 * 1. The start marker is created exclusively and synced before the script starts: of all supervisors of one call at most
 *    one ever starts it.
 * 2. The end of standard input (the executor's death included) kills the script with everything it started.
 * 3. After the script has ended nothing that descends from it is left running. On Linux orphans fall to this process (see
 *    supervisor-command.ts), so leaving session, environment and parent does not help them. What can still get away: whoever
 *    has this process killed and carries no mark, and what another service starts on the script's behalf.
 * 4. A script has ended when it ends: whoever else holds its output open is waited for briefly.
 */
import { spawn } from 'node:child_process';
import { closeSync, fsyncSync, openSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { messageOf } from '@conclave/contracts';
import { type Family, familyOf, killFamily, signal } from './process-family.ts';
import { BoundedOutput } from './script-output.ts';
import { FAMILY_VARIABLE, type ScriptOrder, type ScriptReport, scriptOrder } from './supervisor-protocol.ts';

const TERM_GRACE_MS = 2000;
const FAMILY_CHECK_MS = 250;
const OUTPUT_GRACE_MS = 1000;

/** `ulimit` of POSIX sh; a limit that cannot be set keeps the script from starting, except where the system has none. */
const LIMITED = `
strict=$1; memory=$2; blocks=$3; shift 3
ulimit -c 0
ulimit -f "$blocks" || exit 125
ulimit -v "$memory" 2>/dev/null || [ "$strict" = no ] || exit 125
exec "$@"`;

const lines = createInterface({ input: process.stdin });
let stop = (): void => process.exit(0);
process.stdin.on('end', () => stop());
process.stdin.on('error', () => stop());
lines.once('line', (line) => {
  const order = scriptOrder.parse(JSON.parse(line));
  if (!claimStart(order.startMarker)) report({ kind: 'already_started' });
  else runScript(order);
});

/** False when the call has been started before. */
function claimStart(marker: string): boolean {
  try {
    const file = openSync(marker, 'wx', 0o600);
    fsyncSync(file);
    closeSync(file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
  const folder = openSync(dirname(marker), 'r');
  fsyncSync(folder);
  closeSync(folder);
  return true;
}

function runScript(order: ScriptOrder): void {
  const startedAt = performance.now();
  const strict = process.platform === 'linux' ? 'yes' : 'no';
  const limits = [strict, String(order.memoryMb * 1024), String(order.maxFileMb * 2048)];
  const child = spawn('/bin/sh', ['-c', LIMITED, 'sh', ...limits, ...order.command], {
    cwd: order.cwd,
    env: order.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const family: Family = {
    mark: order.env[FAMILY_VARIABLE] ?? '',
    ancestor: process.pid,
    group: child.pid,
  };
  const stdout = new BoundedOutput(order.outputBytes);
  const stderr = new BoundedOutput(order.outputBytes);
  child.stdout.on('data', (chunk: Buffer) => stdout.add(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.add(chunk));

  let stoppedFor: 'time' | 'processes' | undefined;
  stop = () => {
    killFamily(family);
    // Nobody else is left to do it when the executor is dead.
    rmSync(order.cwd, { recursive: true, force: true });
    process.exit(0);
  };
  const timeLimit = setTimeout(() => {
    stoppedFor = 'time';
    if (child.pid !== undefined) signal(-child.pid, 'SIGTERM');
    setTimeout(() => killFamily(family), TERM_GRACE_MS).unref();
  }, order.timeoutMs);
  const familyCheck = setInterval(() => {
    if (familyOf(family).length <= order.maxProcesses) return;
    stoppedFor = 'processes';
    killFamily(family);
  }, FAMILY_CHECK_MS);

  const ended = (end: { exitCode: number | null; signal: string | null; startFailure?: string }): void => {
    clearTimeout(timeLimit);
    clearInterval(familyCheck);
    report({
      kind: 'ended',
      ...end,
      stdout: stdout.kept(),
      stderr: stderr.kept(),
      durationMs: performance.now() - startedAt,
      ...(stoppedFor === undefined ? {} : { stoppedFor }),
    });
  };
  child.once('error', (error) => ended({ exitCode: null, signal: null, startFailure: messageOf(error) }));
  // What the script left behind would hold its output open: it is killed first, then the output drains and closes.
  child.once('exit', () => {
    killFamily(family);
    setTimeout(() => {
      child.stdout.destroy();
      child.stderr.destroy();
    }, OUTPUT_GRACE_MS).unref();
  });
  child.once('close', (exitCode, signalName) => ended({ exitCode, signal: signalName }));
}

function report(content: ScriptReport): void {
  process.stdout.write(`${JSON.stringify(content)}\n`, () => process.exit(0));
}
