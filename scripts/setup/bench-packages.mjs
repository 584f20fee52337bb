import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { toolEnvironment } from './environment.mjs';
import { root } from './layout.mjs';
import { globalConfigFile } from './npm.mjs';
import { pnpmBinary } from './pnpm.mjs';
import { run } from './process.mjs';
import { fingerprint, isStamped, stamp } from './stamp.mjs';

const engines = join(root, 'bench', 'durable', 'engines');

/**
 * Installs the engines that bench:durable compares with, from their own lock file: they stand outside the workspace, so that nobody else
 * fetches them.
 */
export async function ensureBenchPackages() {
  const lock = fingerprint(readFileSync(join(engines, 'pnpm-lock.yaml')));
  if (!isStamped('bench-engines', lock) || !existsSync(join(engines, 'node_modules'))) {
    const options = ['--ignore-workspace', '--frozen-lockfile', '--prefer-offline', '--reporter=append-only'];
    const env = { ...toolEnvironment(), npm_config_globalconfig: await globalConfigFile(), CI: 'true' };
    await run(pnpmBinary, ['install', ...options], { cwd: engines, env });
    stamp('bench-engines', lock);
  }
}

/** Checks the types of what uses the engines, which the root's check cannot see without their packages. */
export async function checkBenchTypes() {
  const compiler = join(root, 'node_modules', '.bin', 'tsc');
  await run(compiler, ['--noEmit', '-p', engines], { cwd: root, env: toolEnvironment() });
}
