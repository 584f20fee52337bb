import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ConclaveError, messageOf } from '@conclave/contracts';
import type { Guard } from './guard.ts';
import { type NatsConfigUser, renderNatsConfig } from './nats-config.ts';
import { reservePorts } from './ports.ts';
import { signalGroup } from './process-group.ts';
import { tailOf } from './tail.ts';
import { waitUntil } from './wait.ts';

export interface NatsServerOptions {
  /** Path of nats-server 2.10 or later. */
  readonly binary: string;
  /** JetStream's directory; the configuration and the ports file stand beside it. */
  readonly storeDir: string;
  /** Port for clients; 0 takes a free one, which later restarts keep. */
  readonly port: number;
  readonly users: Readonly<Record<string, NatsConfigUser>>;
  /** User that a client without credentials acts as. */
  readonly anonymousUser?: string;
  readonly logFile: string;
  readonly guard?: Guard;
  /** Starts a server that ended by itself (or by `kill`) again; without it such a server stays down. */
  readonly keepRunning?: {
    onEnded(reason: string, restartInMs: number): void;
    /** The server accepts clients again. */
    onBack(): void;
  };
  /** Milliseconds until a server that does not answer counts as failed; default 15,000. */
  readonly readyTimeoutMs?: number;
}

/** A nats-server that this process started. */
export interface EmbeddedNats {
  /** `nats://127.0.0.1:<port>`; unchanged by restarts. */
  readonly url: string;
  /** `http://127.0.0.1:<port>` of the server's monitoring; unchanged by restarts. */
  readonly monitorUrl: string;
  /** Undefined while the server is down. */
  readonly pid: number | undefined;
  /** Sends a signal to the server. Unless it is kept running it stays down until `restart`. */
  kill(signal: NodeJS.Signals): void;
  /** Ends the server if it runs, and starts it on the same port and store. Resolves when it accepts clients. */
  restart(): Promise<void>;
  /** Has the server know these users instead, from when this resolves on; connections of others end. @throws CVE_STACK_FAILED */
  changeUsers(users: Readonly<Record<string, NatsConfigUser>>): Promise<void>;
  /** Ends the server in order and resolves when it is gone. */
  stop(): Promise<void>;
}

interface Addresses {
  readonly port: number;
  readonly monitorPort: number;
}

interface Running {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Resolves with the signal or exit code. */
  readonly ended: Promise<string>;
  isRunning: boolean;
  isEndWanted: boolean;
  output: string;
}

const stopGraceMs = 10_000;
const restartMs = 500;
const reloadMs = 10_000;

/**
 * Starts a server with JetStream on loopback and resolves when it accepts clients and its streams are recovered.
 * @throws CVE_STACK_FAILED with the end of the server's log when it ends or is not ready in time.
 */
export async function startNatsServer(given: NatsServerOptions): Promise<EmbeddedNats> {
  let options = given;
  const directory = dirname(options.storeDir);
  const configFile = join(directory, 'nats-server.conf');
  await mkdir(options.storeDir, { recursive: true });
  await mkdir(dirname(options.logFile), { recursive: true });

  const [port = 0, monitorPort = 0] = await reservePorts([0, 0]);
  const addresses: Addresses = { port: options.port === 0 ? port : options.port, monitorPort };
  let current: Running | undefined;
  let isWanted = true;
  let timer: NodeJS.Timeout | undefined;
  let relaunching: Promise<void> = Promise.resolve();

  function launchLater(reason: string): void {
    if (!options.keepRunning || !isWanted) return;
    options.keepRunning.onEnded(reason, restartMs);
    timer = setTimeout(() => {
      relaunching = launch().then(tellIfBack, (error: unknown) => launchLater(messageOf(error)));
    }, restartMs);
  }

  /** A stop that comes during a launch ends it, or finds it not begun. */
  function tellIfBack(): void {
    if (isWanted) options.keepRunning?.onBack();
  }

  async function writeConfig(): Promise<void> {
    await writeFile(configFile, renderNatsConfig({ ...options, ...addresses, portsDir: directory }), { mode: 0o600 });
  }

  async function changeUsers(users: NatsServerOptions['users']): Promise<void> {
    options = { ...options, users };
    const before = await loadedAt(addresses.monitorPort);
    await writeConfig();
    // A server that is down, or ends now, reads the new configuration when it starts.
    if (current?.isRunning !== true) return;
    current.child.kill('SIGHUP');
    const isLoaded = await waitUntil(async () => (await loadedAt(addresses.monitorPort)) !== before, reloadMs);
    if (!isLoaded)
      throw new ConclaveError(
        'CVE_STACK_FAILED',
        `nats-server did not take its new configuration within ${reloadMs} ms; its log is ${options.logFile}`,
      );
  }

  async function launch(): Promise<void> {
    await writeConfig();
    if (!isWanted) return;
    const running = spawnServer(options, configFile);
    current = running;
    const portsFile = join(directory, `${basename(options.binary)}_${running.pid}.ports`);
    try {
      await ready(options, running, { ...addresses, portsFile });
      running.isEndWanted = false;
      void running.ended.then((reason) => {
        if (!running.isEndWanted) launchLater(reason);
      });
    } catch (error) {
      await end(running);
      throw error;
    } finally {
      await rm(portsFile, { force: true });
    }
  }

  /** Also ends a launch that is under way, so that a restart never meets it. */
  async function stop(): Promise<void> {
    isWanted = false;
    clearTimeout(timer);
    if (current) await end(current);
    await relaunching;
  }

  await launch();
  return {
    url: `nats://127.0.0.1:${addresses.port}`,
    monitorUrl: `http://127.0.0.1:${addresses.monitorPort}`,
    get pid() {
      return current?.isRunning ? current.pid : undefined;
    },
    kill: (signal) => {
      if (current?.isRunning) current.child.kill(signal);
    },
    restart: async () => {
      await stop();
      isWanted = true;
      await launch();
    },
    changeUsers,
    stop,
  };
}

function spawnServer(options: NatsServerOptions, configFile: string): Running {
  const child = spawn(options.binary, ['-c', configFile], { detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  const pid = child.pid;
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
    child.once('error', (error) => resolve(error.message));
  });
  if (pid === undefined) {
    throw new ConclaveError(
      'CVE_STACK_FAILED',
      `nats-server ${options.binary} could not be started; name an executable file in NATS_SERVER_BIN`,
    );
  }
  const running: Running = { child, pid, ended, isRunning: true, isEndWanted: true, output: '' };
  options.guard?.watch(pid);
  child.stderr.on('data', (chunk: Buffer) => {
    running.output = (running.output + chunk.toString()).slice(-4_000);
  });
  void ended.then(() => {
    running.isRunning = false;
    options.guard?.release(pid);
  });
  return running;
}

interface ReadinessSigns {
  /** Written by this very server once it listens; another server could answer on the port. */
  readonly portsFile: string;
  readonly monitorPort: number;
}

async function ready(options: NatsServerOptions, running: Running, signs: ReadinessSigns): Promise<void> {
  const timeoutMs = options.readyTimeoutMs ?? 15_000;
  const isSettled = await waitUntil(
    async () => !running.isRunning || (existsSync(signs.portsFile) && (await isHealthy(signs.monitorPort))),
    timeoutMs,
  );
  if (running.isRunning && isSettled) return;
  const outcome = running.isRunning ? `was not ready within ${timeoutMs} ms` : 'ended while it was starting';
  const output = running.output.trim() || (await tailOf(options.logFile, 15));
  throw new ConclaveError(
    'CVE_STACK_FAILED',
    `nats-server ${options.binary} ${outcome}; its log is ${options.logFile} and ends with:\n${output}`,
  );
}

async function isHealthy(monitorPort: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${monitorPort}/healthz`, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

/** When the server read its configuration last, as it says; undefined while it does not answer. */
async function loadedAt(monitorPort: number): Promise<string | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${monitorPort}/varz`, { signal: AbortSignal.timeout(2_000) });
    return /"config_load_time":\s*"([^"]+)"/.exec(await response.text())?.[1];
  } catch {
    return undefined;
  }
}

/** A stopped (SIGSTOP) server is woken first: it could not act on a signal otherwise. */
async function end(running: Running): Promise<void> {
  running.isEndWanted = true;
  if (!running.isRunning) return;
  running.child.kill('SIGCONT');
  running.child.kill('SIGTERM');
  const timer = setTimeout(() => signalGroup(running.pid, 'SIGKILL'), stopGraceMs);
  await running.ended;
  clearTimeout(timer);
}
