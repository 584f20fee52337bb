import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, type TestBus } from '@conclave/bus/testing';

/** This service as a process of its own, as its user with its permissions. */
export interface MetricsProcess extends AsyncDisposable {
  readonly url: string;
  /** Asks it to stop. @returns its exit code. */
  stop(): Promise<number | null>;
}

/** @param server started with users */
export async function startMetrics(
  server: TestBus,
  environment: Readonly<Record<string, string>> = {},
): Promise<MetricsProcess> {
  const dir = await mkdtemp(join(tmpdir(), 'conclave-metrics-'));
  await writeFile(join(dir, 'conclave.yaml'), '{}\n');
  await writeFile(join(dir, 'nkey'), server.nats.seeds.metrics);
  const port = await freePort();
  const child = spawn(process.execPath, [join(import.meta.dirname, '../main.ts')], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      PATH: process.env.PATH,
      CONCLAVE_CONFIG: join(dir, 'conclave.yaml'),
      CONCLAVE_INSTANCE: 'metrics-0',
      CONCLAVE_NATS_URL: server.nats.url,
      ...(await server.signingFiles(dir)),
      CONCLAVE_NKEY_FILE: join(dir, 'nkey'),
      CONCLAVE_HTTP_PORT: String(port),
      CONCLAVE_DATA_DIR: join(dir, 'data'),
      ...environment,
    },
  });
  const exit = once(child, 'exit');
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    return (await exit)[0];
  };
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () => end('SIGTERM'),
    async [Symbol.asyncDispose]() {
      await end('SIGKILL');
      await rm(dir, { recursive: true, force: true });
    },
  };
}
