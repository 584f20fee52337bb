import { join } from 'node:path';
import { checkBenchTypes, ensureBenchPackages } from './bench-packages.mjs';
import { benchServers } from './bench-servers.mjs';
import { areDependenciesReady, ensureDependencies } from './dependencies.mjs';
import { cacheDir, natsServerMinimum, pinnedVersions } from './layout.mjs';
import { withLock } from './lock.mjs';
import { findNatsServer, provisionNatsServer } from './nats-server.mjs';
import { ensureNode, isNodeReady } from './node.mjs';
import { ensurePnpm, isPnpmReady } from './pnpm.mjs';

const report = (line) => console.error(`[setup] ${line}`);

/** Node, pnpm and the locked dependencies, in that order; a step whose inputs are unchanged is skipped. */
const steps = [
  { name: () => `Node ${pinnedVersions().node}`, isReady: isNodeReady, ensure: ensureNode },
  { name: () => `pnpm ${pinnedVersions().pnpm}`, isReady: isPnpmReady, ensure: ensurePnpm },
  { name: () => 'dependencies', isReady: areDependenciesReady, ensure: ensureDependencies },
];

/** Makes the checkout able to run its TypeScript. Two set-ups at once wait for one another. */
export async function ensureTools() {
  if (steps.every((step) => step.isReady())) return;
  await locked(async () => {
    for (const step of steps) {
      if (step.isReady()) continue;
      await timed(step.name(), step.ensure);
    }
  });
}

/** The path of a usable nats-server, fetched into the cache when the machine has none. */
export async function ensureNatsServer() {
  return (
    (await findNatsServer()) ??
    locked(
      async () =>
        (await findNatsServer()) ?? timed(`nats-server >= ${natsServerMinimum}`, () => provisionNatsServer(report)),
    )
  );
}

/** The engines that bench:durable compares with, as variables that name their servers. What cannot be had is reported and left out. */
export function ensureBench() {
  return locked(async () => {
    try {
      await timed('engines to compare with', ensureBenchPackages);
    } catch (error) {
      report(`the engines to compare with are left out: ${error.message}`);
      return {};
    }
    await checkBenchTypes();
    return await timed('their servers', () => benchServers(report));
  });
}

function locked(work) {
  return withLock(join(cacheDir, 'setup.lock'), work, (pid) =>
    report(`waiting for another set-up of this checkout (process ${pid})`),
  );
}

async function timed(name, work) {
  report(`${name} ...`);
  const startedMs = Date.now();
  const result = await work();
  report(`${name}: ready after ${((Date.now() - startedMs) / 1000).toFixed(1)} s`);
  return result;
}
