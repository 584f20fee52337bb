import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, until } from '@conclave/bus/testing';

/** A coordinator in a process of its own. */
export interface Replica {
  /** Resolves when it says that it is ready. */
  ready(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGTERM. */
  stop(): Promise<void>;
}

const COORDINATOR = new URL('../../services/coordinator/src/main.ts', import.meta.url);

export async function startReplica(
  name: string,
  { dir, natsUrl, leaseMs, keys }: { dir: string; natsUrl: string; leaseMs: number; keys: NodeJS.ProcessEnv },
): Promise<Replica> {
  const port = await freePort();
  const data = join(dir, name);
  mkdirSync(data, { recursive: true });
  const config = join(dir, 'conclave.yaml');
  writeFileSync(config, `limits:\n  leaseTtlMs: ${leaseMs}\n`);
  const child = fork(COORDINATOR, {
    env: {
      PATH: process.env.PATH,
      CONCLAVE_CONFIG: config,
      CONCLAVE_INSTANCE: name,
      CONCLAVE_NATS_URL: natsUrl,
      CONCLAVE_HTTP_PORT: String(port),
      CONCLAVE_DATA_DIR: data,
      CONCLAVE_LOG_LEVEL: 'warn',
      ...keys,
    },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const killWithBench = (): void => void child.kill('SIGKILL');
  process.once('exit', killWithBench);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
    process.off('exit', killWithBench);
  };
  return {
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    async ready() {
      await until(
        async () => (await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined))?.ok,
        `${name} is ready`,
        120_000,
      );
    },
  };
}
