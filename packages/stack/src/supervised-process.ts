import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Guard } from './guard.ts';
import { signalGroup } from './process-group.ts';

export interface ProcessSpec {
  /** Name of the instance, such as `coordinator-0`. */
  readonly name: string;
  /** Arguments to Node: the program's file and what it takes. */
  readonly args: readonly string[];
  /** A function is asked at each start. */
  readonly env: NodeJS.ProcessEnv | (() => NodeJS.ProcessEnv);
  readonly cwd: string;
  /** Receives stdout and stderr; appended to. */
  readonly logFile: string;
}

export type ProcessEvent =
  | { readonly kind: 'started'; readonly name: string; readonly pid: number }
  | {
      readonly kind: 'ended';
      readonly name: string;
      readonly reason: string;
      readonly restartInMs: number | undefined;
    };

/**
 * One process that is kept running.
 *
 *   running --ends by itself--> waiting --backoff over--> running
 *   running, waiting --stop--> stopped --start--> running
 */
export interface SupervisedProcess {
  readonly name: string;
  readonly logFile: string;
  readonly state: 'running' | 'waiting' | 'stopped';
  /** Undefined unless it is running. */
  readonly pid: number | undefined;
  /** How often it was started, the first time included. */
  readonly starts: number;
  kill(signal: NodeJS.Signals): void;
  /** Starts it if it is not running. */
  start(): void;
  /** Ends it in order (SIGTERM, up to ten seconds, SIGKILL) and keeps it down. */
  stop(): Promise<void>;
  /** `stop`, then `start`. */
  restart(): Promise<void>;
}

export interface SupervisionOptions {
  readonly guard?: Guard;
  readonly onEvent?: (event: ProcessEvent) => void;
}

const firstBackoffMs = 200;
const maxBackoffMs = 5_000;
/** A process that ran this long is taken to be sound, and its next end as its first. */
const soundAfterMs = 30_000;
const stopGraceMs = 10_000;

/** Starts the process and keeps it running until it is stopped. */
export function superviseProcess(spec: ProcessSpec, options: SupervisionOptions): SupervisedProcess {
  let child: ChildProcess | undefined;
  let ended: Promise<void> = Promise.resolve();
  let backoffMs = firstBackoffMs;
  let timer: NodeJS.Timeout | undefined;
  let isWanted = true;
  let starts = 0;

  function launch(): void {
    timer = undefined;
    starts++;
    const startedMs = performance.now();
    const started = spawnLogged(spec);
    const pid = started.pid;
    child = started;
    if (pid !== undefined) {
      options.guard?.watch(pid);
      options.onEvent?.({ kind: 'started', name: spec.name, pid });
    }
    ended = new Promise((resolve) => {
      const onEnd = (reason: string) => {
        if (child !== started) return;
        child = undefined;
        if (pid !== undefined) {
          signalGroup(pid, 'SIGKILL');
          options.guard?.release(pid);
        }
        resolve();
        onEnded(reason, performance.now() - startedMs);
      };
      started.once('exit', (code, signal) => onEnd(signal ?? `exit code ${code}`));
      started.once('error', (error) => onEnd(error.message));
    });
  }

  function onEnded(reason: string, ranMs: number): void {
    if (ranMs >= soundAfterMs) backoffMs = firstBackoffMs;
    const restartInMs = isWanted ? backoffMs : undefined;
    options.onEvent?.({ kind: 'ended', name: spec.name, reason, restartInMs });
    if (restartInMs === undefined) return;
    timer = setTimeout(launch, restartInMs);
    backoffMs = Math.min(backoffMs * 2, maxBackoffMs);
  }

  function start(): void {
    isWanted = true;
    clearTimeout(timer);
    if (!child) launch();
  }

  async function stop(): Promise<void> {
    isWanted = false;
    clearTimeout(timer);
    timer = undefined;
    const stopping = child;
    if (!stopping) return;
    stopping.kill('SIGCONT');
    stopping.kill('SIGTERM');
    const deadline = setTimeout(() => stopping.kill('SIGKILL'), stopGraceMs);
    await ended;
    clearTimeout(deadline);
  }

  launch();
  return {
    name: spec.name,
    logFile: spec.logFile,
    get state() {
      if (child) return 'running';
      return isWanted ? 'waiting' : 'stopped';
    },
    get pid() {
      return child?.pid;
    },
    get starts() {
      return starts;
    },
    kill: (signal) => void child?.kill(signal),
    start,
    stop,
    restart: async () => {
      await stop();
      start();
    },
  };
}

/** In a group of its own, so that Ctrl-C in the terminal reaches the stack alone, which then ends its processes in order. */
function spawnLogged(spec: ProcessSpec): ChildProcess {
  mkdirSync(dirname(spec.logFile), { recursive: true });
  const env = typeof spec.env === 'function' ? spec.env() : spec.env;
  const log = openSync(spec.logFile, 'a', 0o600);
  try {
    return spawn(process.execPath, spec.args, {
      cwd: spec.cwd,
      env: { ...env, CONCLAVE_DIE_WITH_PARENT: '1' },
      detached: true,
      stdio: ['pipe', log, log],
    });
  } finally {
    closeSync(log);
  }
}
