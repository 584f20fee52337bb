import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@conclave/bus/testing';
import { type Usage, usageOf } from './process-usage.ts';

const ROOT = join(import.meta.dirname, '../../../..');
const LOOK_MS = 20;
const DEADLINE_MS = 600_000;

/** What reads a whole journal when it starts. */
export const READERS = ['coordinator', 'metrics', 'conclave status'] as const;
export type Reader = (typeof READERS)[number];

/** How one start went. */
export interface Start extends Usage {
  readonly seconds: number;
}

export interface StartOptions {
  readonly natsUrl: string;
  /** Environment beyond what every process gets. */
  readonly env: Readonly<Record<string, string>>;
  /** Folder for CPU profiles. */
  readonly profileDir: string | undefined;
  /** What to wait for while it runs; the start is over before that. */
  readonly meanwhile?: (() => Promise<void>) | undefined;
}

/** Starts a reader as a process of its own and says when it was there: a service when it is ready, the command when it has ended. */
export async function startReader(reader: Reader, options: StartOptions): Promise<Start> {
  return reader === 'conclave status' ? await runCommand(options) : await startService(reader, options);
}

async function startService(name: 'coordinator' | 'metrics', options: StartOptions): Promise<Start> {
  const dir = await mkdtemp(join(tmpdir(), 'conclave-bench-'));
  try {
    const config = join(dir, 'conclave.yaml');
    await writeFile(config, '{}\n');
    const port = await freePort();
    const startedAt = performance.now();
    const child = launch([join(ROOT, `services/${name}/src/main.ts`)], `${name}`, options, {
      CONCLAVE_CONFIG: config,
      CONCLAVE_INSTANCE: `${name}-bench`,
      CONCLAVE_HTTP_PORT: String(port),
      CONCLAVE_DATA_DIR: join(dir, 'data'),
      CONCLAVE_LOG_LEVEL: 'warn',
    });
    const exit = once(child, 'exit');
    try {
      await isReady(child, port);
      const start = { seconds: (performance.now() - startedAt) / 1000, ...usageOf(child.pid) };
      await options.meanwhile?.();
      return start;
    } finally {
      child.kill('SIGTERM');
      await exit;
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function isReady(child: ChildProcess, port: number): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (performance.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`the service ended with ${child.exitCode} before it was ready`);
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
    if (answer?.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  throw new Error(`the service was not ready in ${DEADLINE_MS / 1000} s`);
}

async function runCommand(options: StartOptions): Promise<Start> {
  const startedAt = performance.now();
  const args = [join(ROOT, 'packages/cli/src/main.ts'), '--nats', options.natsUrl, 'status'];
  const child = launch(args, 'status', options, {});
  let usage = usageOf(child.pid);
  const looking = setInterval(() => {
    const now = usageOf(child.pid);
    if (now.peakMb > 0) usage = now;
  }, LOOK_MS);
  const [code] = await once(child, 'exit');
  clearInterval(looking);
  if (code !== 0) throw new Error(`conclave status ended with ${code}`);
  return { seconds: (performance.now() - startedAt) / 1000, ...usage };
}

function launch(
  args: readonly string[],
  name: string,
  { natsUrl, env, profileDir }: StartOptions,
  own: Readonly<Record<string, string>>,
): ChildProcess {
  const profile = profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${join(profileDir, name)}`];
  const child = spawn(process.execPath, [...profile, ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { PATH: process.env.PATH, CONCLAVE_NATS_URL: natsUrl, ...own, ...env },
  });
  const killWithBench = (): void => void child.kill('SIGKILL');
  process.once('exit', killWithBench);
  child.once('exit', () => process.off('exit', killWithBench));
  return child;
}

/** Makes the folder of a profile. */
export async function profileFolder(dir: string | undefined, name: string): Promise<string | undefined> {
  if (dir === undefined) return undefined;
  const folder = join(dir, name);
  await mkdir(folder, { recursive: true });
  return folder;
}
