import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Bench } from './bench.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

const CONFIG = `
executor: { scriptRoots: [scripts] }
limits: { ackWaitMs: 1000, maxDeliveries: 4, actionTimeoutSeconds: 60 }
`;

/** The executor as a process of its own, with its real permissions; scripts live in `<dir>/scripts`. */
export interface ExecutorProcess extends AsyncDisposable {
  /** Resolves with the signal or code that ended it. */
  readonly ended: Promise<string>;
  log(): string;
}

export async function startExecutorProcess(
  bench: Bench,
  options: { fault?: string; name?: string } = {},
): Promise<ExecutorProcess> {
  const name = options.name ?? 'executor-0';
  await mkdir(join(bench.dir, 'scripts'), { recursive: true });
  await writeFile(join(bench.dir, 'config.yaml'), CONFIG);
  const child: ChildProcess = spawn(process.execPath, [MAIN], {
    env: {
      PATH: process.env.PATH,
      CONCLAVE_CONFIG: join(bench.dir, 'config.yaml'),
      CONCLAVE_INSTANCE: name,
      CONCLAVE_NATS_URL: bench.test.nats.url,
      ...(await bench.test.signingFiles(bench.dir, 'executor')),
      CONCLAVE_HTTP_PORT: '0',
      CONCLAVE_DATA_DIR: join(bench.dir, 'data'),
      CONCLAVE_DIE_WITH_PARENT: '1',
      ...(options.fault === undefined ? {} : { CONCLAVE_FAULT: options.fault }),
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      log += chunk.toString();
    });
  }
  const ended = once(child, 'exit').then(([code, signal]) => String(signal ?? code));
  return {
    ended,
    log: () => log,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
