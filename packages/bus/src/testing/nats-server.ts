import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, globSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createNkey } from '../nkeys.ts';
import { type NatsUser, natsUsers } from '../permissions.ts';
import { until } from './until.ts';

/** A real nats-server for a test, with its own port and store. */
export interface TestNats {
  readonly url: string;
  readonly port: number;
  /** Seeds of the users, when started with `users`. */
  readonly seeds: Readonly<Record<NatsUser, string>>;
  /** SIGKILL, as a power cut does. The store stays. */
  kill(): Promise<void>;
  /** Starts it again on the same port and store. */
  restart(): Promise<void>;
  /** Freezes or wakes it. */
  signal(signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

/** Finds nats-server: NATS_SERVER_BIN, the PATH, or the checkout's .cache/nats. */
export function findNatsServer(): string {
  const given = process.env.NATS_SERVER_BIN;
  if (given !== undefined && given !== '') return given;
  for (const dir of (process.env.PATH ?? '').split(delimiter)) {
    if (existsSync(join(dir, 'nats-server'))) return join(dir, 'nats-server');
  }
  const cached = globSync(join(import.meta.dirname, '../../../../.cache/nats/**/nats-server')).at(-1);
  if (cached === undefined)
    throw new Error('no nats-server found; run the project once (it fetches one) or set NATS_SERVER_BIN');
  return cached;
}

/**
 * @param options.users with the permissions of `natsUsers()`; without, everybody may do everything.
 * @param options.sync when the server flushes to disk: `always` (default, as in production) or an interval, where a test writes much
 */
export async function startNats(
  options: { users?: boolean; maxPayload?: number; sync?: string | undefined } = {},
): Promise<TestNats> {
  const binary = findNatsServer();
  const dir = await mkdtemp(join(tmpdir(), 'conclave-nats-'));
  const port = await freePort();
  const users = Object.entries(natsUsers()).map(([name, user]) => ({ name, ...user, ...createNkey() }));
  const config = {
    listen: `127.0.0.1:${port}`,
    server_name: 'test',
    max_payload: options.maxPayload ?? 1024 * 1024,
    jetstream: {
      store_dir: join(dir, 'store'),
      sync_interval: options.sync ?? 'always',
      max_mem: 256 * 1024 * 1024,
      max_file: 4 * 1024 ** 3,
    },
    ...(options.users === true
      ? { authorization: { users: users.map(({ publicKey, permissions }) => ({ nkey: publicKey, permissions })) } }
      : {}),
  };
  await mkdir(join(dir, 'store'), { recursive: true });
  const file = join(dir, 'nats.conf');
  await writeFile(file, JSON.stringify(config, null, 2));

  let child = await launch(binary, file, port);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    if (signal === 'SIGTERM') child.kill('SIGCONT');
    await exited;
  };
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    seeds: seedsOf(users),
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGKILL');
      child = await launch(binary, file, port);
    },
    signal(signal) {
      child.kill(signal);
    },
    async stop() {
      await end('SIGTERM');
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function seedsOf(users: readonly { name: string; seed: string }[]): Record<NatsUser, string> {
  const seed = (name: NatsUser): string => users.find((user) => user.name === name)?.seed ?? '';
  return {
    coordinator: seed('coordinator'),
    planner: seed('planner'),
    executor: seed('executor'),
    'gpu-runner': seed('gpu-runner'),
    metrics: seed('metrics'),
    operator: seed('operator'),
    publisher: seed('publisher'),
  };
}

async function launch(binary: string, config: string, port: number): Promise<ChildProcess> {
  const child = spawn(binary, ['-c', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  const killWithTest = (): void => void child.kill('SIGKILL');
  process.once('exit', killWithTest);
  child.once('exit', () => process.off('exit', killWithTest));
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-20_000);
  });
  await until(() => {
    if (child.exitCode !== null) throw new Error(`nats-server on port ${port} ended:\n${log}`);
    return log.includes('Server is ready');
  }, 'nats-server is ready');
  return child;
}

const LOWEST_PORT = 10_000;
const BEYOND_HIGHEST_PORT = 20_000;

/**
 * A port that was free a moment ago, and that no other test file is given while this process lives, though nobody listens on it before its
 * server has started, or while that restarts. It is below those that stacks choose from, and below those that systems give to outgoing
 * connections: a client could otherwise get it, or the reconnecting client connect to itself.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(LOWEST_PORT, BEYOND_HIGHEST_PORT);
    if ((await claim(port)) && (await isFree(port))) return port;
  }
  throw new Error(`no port is free between ${LOWEST_PORT} and ${BEYOND_HIGHEST_PORT}`);
}

/** True when this process now has the port of that number for UDP, which nothing here speaks: the claim that ends with the process. */
async function claim(port: number): Promise<boolean> {
  const socket = createSocket('udp4').unref();
  socket.bind({ port, address: '127.0.0.1', exclusive: true });
  return await once(socket, 'listening').then(
    () => true,
    () => {
      socket.close();
      return false;
    },
  );
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  const listening = once(server, 'listening').then(
    () => true,
    () => false,
  );
  if (!(await listening)) return false;
  server.close();
  await once(server, 'close');
  return true;
}
