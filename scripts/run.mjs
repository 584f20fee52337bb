import { join } from 'node:path';
import { toolEnvironment } from './setup/environment.mjs';
import { root } from './setup/layout.mjs';
import { nodeBinary } from './setup/node.mjs';
import { pnpmBinary } from './setup/pnpm.mjs';
import { become } from './setup/process.mjs';
import { ensureBench, ensureNatsServer, ensureTools } from './setup/setup.mjs';

const usage = `usage: node scripts/run.mjs <command>
  start [...]  set up what is missing, then run the whole system on this machine
  test         set up what is missing, then run every check
  setup        set up what is missing: Node, pnpm, dependencies, nats-server
  tools        the same without nats-server
  bench [...]  set up what is missing, the engines to compare with included, then measure (--help: what)`;

/** A server given as NATS_URL is used as it is, and none is started. */
async function start(args) {
  await ensureTools();
  const natsServer = process.env.NATS_URL ? {} : { NATS_SERVER_BIN: await ensureNatsServer() };
  become(nodeBinary, [join(root, 'packages', 'stack', 'src', 'main.ts'), ...args], {
    cwd: root,
    env: { ...toolEnvironment(), ...natsServer },
    ipc: true,
  });
}

/** The tests stop and kill servers, so they start their own even where NATS_URL names one. */
async function test(args) {
  await ensureTools();
  const binary = await ensureNatsServer();
  become(pnpmBinary, ['run', 'verify', ...args], { cwd: root, env: { ...toolEnvironment(), NATS_SERVER_BIN: binary } });
}

async function bench(args) {
  await ensureTools();
  const natsServer = { NATS_SERVER_BIN: await ensureNatsServer() };
  become(nodeBinary, [join(root, 'bench', 'durable', 'main.ts'), ...args], {
    cwd: root,
    env: { ...toolEnvironment(), ...natsServer, ...(await ensureBench()) },
  });
}

const commands = {
  start,
  test,
  bench,
  tools: ensureTools,
  setup: async () => {
    await ensureTools();
    if (!process.env.NATS_URL) await ensureNatsServer();
  },
};

const [name = '', ...args] = process.argv.slice(2);
try {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) throw new Error(name === '' ? usage : `unknown command ${name}\n${usage}`);
  if (process.platform === 'win32') throw new Error('Conclave runs on Linux and macOS; on Windows, use WSL');
  await command(args);
} catch (error) {
  console.error(`[setup] ${error.message}`);
  process.exitCode = 1;
}
