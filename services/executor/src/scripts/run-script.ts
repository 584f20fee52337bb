import { spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConclaveError, messageOf } from '@conclave/contracts';
import { UncertainEffect } from '../uncertain-effect.ts';
import { forgetOldMarkers } from './old-markers.ts';
import { killFamily } from './process-family.ts';
import { supervisorCommand } from './supervisor-command.ts';
import { FAMILY_VARIABLE, type ScriptOrder, type ScriptReport, scriptReport } from './supervisor-protocol.ts';

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
   * @throws CVE_CANCELLED when the signal ended it; UncertainEffect when it was started, before or by a supervisor that
   * broke, and nobody can say how that ended; CVE_TOOL_FAILED when the supervisor broke before it started anything.
   */
  run(callId: string, file: string, args: readonly string[], signal: AbortSignal): Promise<EndedScript>;
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

const DAY_MS = 86_400_000;

/** Two markers a call: `announced` before it is recorded, `started` by the supervisor just before the script. */
export function scriptRunner({ python, limits, markerDir }: ScriptRunnerOptions): ScriptRunner {
  const marker = (callId: string, kind: 'announced' | 'started'): string =>
    join(markerDir, `${createHash('sha256').update(callId).digest('hex').slice(0, 40)}.${kind}`);
  let sweptAt = Number.NEGATIVE_INFINITY;
  /** Once a day: the folder outlives every process. */
  const sweep = async (): Promise<void> => {
    if (performance.now() - sweptAt < DAY_MS) return;
    sweptAt = performance.now();
    await forgetOldMarkers(markerDir, new Date());
  };
  return {
    async announce(callId) {
      await mkdir(markerDir, { recursive: true, mode: 0o700 });
      await sweep();
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
        const { report, complaint } = await supervise(python, order, signal);
        if (report?.kind === 'ended') return report;
        if (report?.kind === 'already_started') throw unknownEnd(file, 'another supervisor started it before');
        if (signal.aborted) throw cancelled(file);
        const broken = `its supervisor ended without a report and said ${complaint || 'nothing'}`;
        if (await exists(order.startMarker)) throw unknownEnd(file, broken);
        throw new ConclaveError('CVE_TOOL_FAILED', `${file} was not started: ${broken}`);
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

/** The supervisor's report, if it gave a whole one, and what it complained of. */
async function supervise(
  python: string,
  order: ScriptOrder,
  signal: AbortSignal,
): Promise<{ report: ScriptReport | undefined; complaint: string }> {
  const [command, ...args] = supervisorCommand(python);
  const supervisor = spawn(command, args, {
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
    killFamily({ mark: order.env[FAMILY_VARIABLE] ?? '' });
  }
  return { report: wholeReport(output), complaint };
}

function wholeReport(output: string): ScriptReport | undefined {
  try {
    return scriptReport.parse(JSON.parse(output));
  } catch {
    return undefined;
  }
}

function unknownEnd(file: string, why: string): UncertainEffect {
  return new UncertainEffect(`${file} was started, and nobody knows how it ended: ${why}`);
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
