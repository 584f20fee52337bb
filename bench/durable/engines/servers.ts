import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

/** A server for one contestant, on the loopback, with a data directory of its own below `TMPDIR`. */
export interface Server {
  readonly port: number;
  /** Name and version. */
  readonly version: string;
  stop(): Promise<void>;
}

const READY_MS = 30_000;
const run = promisify(execFile);

/**
 * PostgreSQL with `fsync` and `synchronous_commit` on, as they are by default, and everything else by default too. Connect as user `bench`
 * without a password. It refuses to run as root, so a root runs it as an ordinary user.
 * @throws when that user cannot reach the data directory.
 */
export async function startPostgres(): Promise<Server> {
  const binary = required('BENCH_POSTGRES');
  const dir = mkdtempSync(join(tmpdir(), 'postgres-'));
  const user = process.getuid?.() === 0 ? ordinaryUser(dir) : {};
  const env = serverEnvironment('BENCH_POSTGRES_LIBRARIES');
  if (user.uid !== undefined && user.gid !== undefined) chownSync(dir, user.uid, user.gid);
  const data = join(dir, 'data');
  const cluster = ['-D', data, '-U', 'bench', '-A', 'trust', '--encoding=UTF8', '--locale=C', '--no-sync'];
  await run(join(dirname(binary), 'initdb'), cluster, { cwd: dir, env, ...user });
  const port = await freePort();
  const settings = ['fsync=on', 'synchronous_commit=on', 'listen_addresses=127.0.0.1', 'unix_socket_directories='];
  const args = ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])];
  const child = spawn(binary, args, { cwd: dir, env, ...user, stdio: ['ignore', 'ignore', 'pipe'] });
  // An immediate shutdown: the data are thrown away.
  const stop = await untilReady(child, 'ready to accept connections', 'SIGQUIT');
  const { stdout } = await run(binary, ['--version'], { env });
  return { port, version: `PostgreSQL ${/\d+\.\d+/.exec(stdout)?.[0]}`, stop };
}

/** Redis that has every write on disk before it answers (`appendfsync always`), without the periodic snapshots, which do not add to that. */
export async function startRedis(): Promise<Server> {
  const binary = required('BENCH_REDIS');
  const dir = mkdtempSync(join(tmpdir(), 'redis-'));
  const env = serverEnvironment('BENCH_REDIS_LIBRARIES');
  const port = await freePort();
  const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir];
  const child = spawn(binary, [...place, '--appendonly', 'yes', '--appendfsync', 'always', '--save', ''], {
    cwd: dir,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const stop = await untilReady(child, 'Ready to accept connections', 'SIGKILL');
  const { stdout } = await run(binary, ['--version'], { env });
  return { port, version: `Redis ${/v=(\S+)/.exec(stdout)?.[1]}`, stop };
}

async function untilReady(child: ChildProcess, sign: string, end: NodeJS.Signals): Promise<() => Promise<void>> {
  const kill = (): void => void child.kill(end);
  process.once('exit', kill);
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-10_000);
    });
  }
  const deadline = performance.now() + READY_MS;
  while (!log.includes(sign)) {
    if (child.exitCode !== null || performance.now() > deadline)
      throw new Error(`${child.spawnfile} is not ready:\n${log}`);
    await pause(20);
  }
  return async () => {
    const ended = once(child, 'exit');
    kill();
    await ended;
    process.off('exit', kill);
  };
}

/** `nobody`, when it may pass all the folders above `dir`. */
function ordinaryUser(dir: string): { uid?: number; gid?: number } {
  const [, , uid, gid] =
    readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .find(([name]) => name === 'nobody') ?? [];
  if (uid === undefined || gid === undefined)
    throw new Error('PostgreSQL refuses to run as root, and there is no user nobody; run this as an ordinary user');
  for (let folder = dirname(dir); folder !== dirname(folder); folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0)
      throw new Error(
        `PostgreSQL refuses to run as root, and user nobody may not pass ${folder}; use a checkout elsewhere, or run this as an ordinary user`,
      );
  }
  return { uid: Number(uid), gid: Number(gid) };
}

function serverEnvironment(libraries: string): NodeJS.ProcessEnv {
  const folders = process.env[libraries];
  return { ...process.env, LC_ALL: 'C', ...(folders ? { LD_LIBRARY_PATH: folders } : {}) };
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; run this as pnpm bench:durable, which finds or fetches the server`);
  return value;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port is free');
  return address.port;
}
