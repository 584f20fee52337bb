import { spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConclaveError, messageOf } from '@conclave/contracts';
import { killFamily } from './process-family.ts';
import { FAMILY_VARIABLE, type ScriptOrder, type ScriptReport, scriptReport } from './protocol.ts';

const SUPERVISOR = fileURLToPath(new URL('./supervisor.ts', import.meta.url));

export interface ScriptLimits {
  readonly timeoutMs: number;
  readonly memoryMb: number;
  readonly maxFileMb: number;
  readonly maxProcesses: number;
  readonly outputBytes: number;
}

export interface ScriptRunner {
  /** Notes that this machine is about to run the call: without the note `neverStarted` cannot vouch for it. */
  announce(callId: string): Promise<void>;
  /**
   * Runs a file once per call id, whatever happens.
   * @returns undefined when this call was started before: nobody can say how that ended.
   * @throws CVE_CANCELLED when the signal ended it; CVE_TOOL_FAILED when the supervisor broke.
   */
  run(callId: string, file: string, args: readonly string[], signal: AbortSignal): Promise<EndedScript | undefined>;
  /** True when this machine was to run the call and no supervisor ever started it. */
  neverStarted(callId: string): Promise<boolean>;
}

export type EndedScript = Extract<ScriptReport, { kind: 'ended' }>;

export interface ScriptRunnerOptions {
  readonly python: string;
  readonly limits: ScriptLimits;
  /** Folder on a disk that outlives this process; executors on one machine may share it. */
  readonly markerDir: string;
}

/** Two markers a call: `announced` before it is recorded, `started` by the supervisor just before the script. */
export function scriptRunner({ python, limits, markerDir }: ScriptRunnerOptions): ScriptRunner {
  const marker = (callId: string, kind: 'announced' | 'started'): string =>
    join(markerDir, `${createHash('sha256').update(callId).digest('hex').slice(0, 40)}.${kind}`);
  return {
    async announce(callId) {
      await mkdir(markerDir, { recursive: true, mode: 0o700 });
      await writeFile(marker(callId, 'announced'), `${callId}\n`, { mode: 0o600, flush: true });
    },
    async run(callId, file, args, signal) {
      if (signal.aborted) throw cancelled(file);
      await mkdir(markerDir, { recursive: true, mode: 0o700 });
      const folder = await mkdtemp(join(tmpdir(), 'conclave-script-'));
      try {
        const env = { ...scrubbedEnvironment(folder), [FAMILY_VARIABLE]: randomUUID() };
        const command = [python, file, ...args];
        const order = { command, cwd: folder, env, startMarker: marker(callId, 'started'), ...limits };
        const report = await supervise(order, signal);
        return report.kind === 'ended' ? report : undefined;
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    async neverStarted(callId) {
      return (await exists(marker(callId, 'announced'))) && !(await exists(marker(callId, 'started')));
    },
  };
}

/** What a script sees: no keys, no tokens, no home. */
function scrubbedEnvironment(home: string): Record<string, string> {
  return { PATH: process.env.PATH ?? '/usr/bin:/bin', LANG: 'C.UTF-8', HOME: home, TMPDIR: home };
}

async function supervise(order: ScriptOrder, signal: AbortSignal): Promise<ScriptReport> {
  const supervisor = spawn(process.execPath, [SUPERVISOR], {
    env: { PATH: order.env.PATH, NODE_NO_WARNINGS: '1' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let output = '';
  let complaint = '';
  supervisor.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  supervisor.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-2000);
  });
  supervisor.stdin.on('error', () => {});
  supervisor.stdin.write(`${JSON.stringify(order)}\n`);
  const stop = (): void => {
    supervisor.stdin.end();
  };
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    await new Promise<void>((resolve, reject) => {
      supervisor.once('error', reject);
      supervisor.once('close', () => resolve());
    });
  } catch (error) {
    throw new ConclaveError('CVE_TOOL_FAILED', `the script's supervisor cannot be started: ${messageOf(error)}`);
  } finally {
    signal.removeEventListener('abort', stop);
    // Nothing, unless the supervisor itself was killed.
    killFamily(undefined, order.env[FAMILY_VARIABLE] ?? '');
  }
  if (output !== '') return scriptReport.parse(JSON.parse(output));
  if (signal.aborted) throw cancelled(order.command[1] ?? '');
  throw new ConclaveError('CVE_TOOL_FAILED', `the script's supervisor ended without a report: ${complaint}`);
}

function cancelled(file: string): ConclaveError {
  return new ConclaveError('CVE_CANCELLED', `${file} was stopped before its end`);
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
