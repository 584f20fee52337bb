import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { configuredSources, openApt, osRelease } from './apt.mjs';
import { cacheDir } from './layout.mjs';
import { run, versionOf } from './process.mjs';
import { isAtLeast } from './versions.mjs';

/**
 * Servers of the engines that bench:durable compares with: the distribution's package, and the folders below a root where it puts the
 * program, the newest version first.
 */
const servers = {
  POSTGRES: {
    program: 'postgres',
    minimum: '13.0.0',
    packageName: 'postgresql',
    folders: (root) =>
      foldersIn(join(root, 'usr/lib/postgresql'))
        .sort((one, other) => Number.parseFloat(basename(other)) - Number.parseFloat(basename(one)))
        .map((version) => join(version, 'bin')),
  },
  REDIS: {
    program: 'redis-server',
    minimum: '6.2.0',
    packageName: 'redis-server',
    folders: (root) => [join(root, 'usr/bin')],
  },
};

/**
 * Names each server in the variables that bench/durable reads: `BENCH_<server>` its program, `BENCH_<server>_LIBRARIES` the folders of
 * its shared libraries. One that is not installed is unpacked from the distribution's packages into the cache; one that cannot be had is
 * reported and left out.
 */
export async function benchServers(report) {
  const named = {};
  for (const [name, server] of Object.entries(servers)) {
    try {
      const { binary, libraries } = (await findServer(name, server)) ?? (await provision(server, report));
      Object.assign(named, { [`BENCH_${name}`]: binary, [`BENCH_${name}_LIBRARIES`]: libraries.join(delimiter) });
    } catch (error) {
      report(`${server.program} cannot be had, what needs it is left out: ${error.message}`);
    }
  }
  return named;
}

async function findServer(name, server) {
  const given = process.env[`BENCH_${name}`];
  if (given) return { binary: given, libraries: [] };
  const folders = [...server.folders('/'), ...(process.env.PATH ?? '').split(delimiter)];
  for (const binary of folders.map((folder) => join(folder, server.program))) {
    if (existsSync(binary) && (await isUsable(server, binary, []))) return { binary, libraries: [] };
  }
  return findUnpacked(server);
}

async function findUnpacked(server) {
  const root = unpackedRoot(server);
  const binary = server
    .folders(root)
    .map((folder) => join(folder, server.program))
    .find(existsSync);
  const libraries = foldersIn(join(root, 'usr/lib')).filter((folder) => folder.includes('-linux-gnu'));
  return binary && (await isUsable(server, binary, libraries)) ? { binary, libraries } : undefined;
}

async function isUsable({ minimum }, binary, libraries) {
  const version = await versionOf(binary, { ...process.env, LD_LIBRARY_PATH: libraries.join(delimiter) });
  // PostgreSQL and Redis print two numbers where they mean three, or a text before them.
  return isAtLeast(`${/\d+\.\d+(\.\d+)?/.exec(version ?? '')?.[0] ?? ''}.0`, minimum);
}

const unpackedRoot = ({ program }) => join(cacheDir, 'bench-servers', program);

/** Downloads the package with what it needs and the machine lacks, and unpacks it: nothing is installed, no script of it runs. */
async function provision(server, report) {
  const release = osRelease();
  if (process.platform !== 'linux' || !existsSync('/var/lib/dpkg/status'))
    throw new Error(`install ${server.program} ${server.minimum} or later, or name it in the environment`);
  report(`${server.program}: package of ${release.ID} ${release.VERSION_CODENAME}`);
  const root = unpackedRoot(server);
  rmSync(root, { recursive: true, force: true });
  const apt = join(root, 'apt');
  mkdirSync(apt, { recursive: true });
  const status = join(apt, 'status');
  copyFileSync('/var/lib/dpkg/status', status);
  const own = configuredSources().filter(({ suite }) => suite.split('-')[0] === release.VERSION_CODENAME);
  const { run: aptGet, archives } = await openApt(apt, { sources: own, status });
  await aptGet('--yes', '--no-install-recommends', '--download-only', 'install', server.packageName);
  for (const archive of readdirSync(archives).filter((name) => name.endsWith('.deb')))
    await run('dpkg', ['-x', join(archives, archive), root]);
  rmSync(apt, { recursive: true, force: true });
  const found = await findUnpacked(server);
  if (!found) throw new Error(`package ${server.packageName} holds no ${server.program} that runs here`);
  return found;
}

function foldersIn(folder) {
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
}
