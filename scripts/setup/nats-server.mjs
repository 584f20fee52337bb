import { accessSync, constants, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { linkBinary, linkedBinary } from './bin.mjs';
import { binDir, cacheDir, natsServerMinimum } from './layout.mjs';
import { fromDistribution } from './nats-apt.mjs';
import { fromRelease } from './nats-release.mjs';
import { versionOf } from './process.mjs';
import { isAtLeast } from './versions.mjs';

const provisioned = join(cacheDir, 'nats');

/** A usable nats-server that needs no fetching, as a path: NATS_SERVER_BIN, the PATH, the cache; undefined when there is none. */
export async function findNatsServer() {
  const named = process.env.NATS_SERVER_BIN;
  if (named) {
    if (await isUsable(named)) return named;
    throw new Error(
      `NATS_SERVER_BIN is ${named}, which is no nats-server of version ${natsServerMinimum} or later; correct or unset it`,
    );
  }
  for (const candidate of [...onPath(), linkedBinary('nats-server')]) {
    if (candidate && (await isUsable(candidate))) return candidate;
  }
  return undefined;
}

/** Fetches a nats-server into the cache: the distribution's package, else the official release. Returns its path. */
export async function provisionNatsServer(report) {
  const failures = [];
  for (const source of [fromDistribution, fromRelease]) {
    rmSync(provisioned, { recursive: true, force: true });
    try {
      const binary = await source(provisioned, report);
      const version = await versionOf(binary);
      if (!isAtLeast(version ?? '', natsServerMinimum))
        throw new Error(`${binary} answers --version with: ${version ?? 'nothing'}`);
      linkBinary('nats-server', binary);
      return binary;
    } catch (error) {
      failures.push(`- ${source.label}: ${error.message}`);
    }
  }
  rmSync(provisioned, { recursive: true, force: true });
  throw new Error(
    [
      `nats-server ${natsServerMinimum} or later is needed, is not on the PATH and could not be fetched:`,
      ...failures,
      'Install one (Debian 13 or Ubuntu 24.04: apt install nats-server; macOS: brew install nats-server; others: nats.io/download)',
      'and have it on the PATH, or name it in NATS_SERVER_BIN, or give a running server as NATS_URL.',
    ].join('\n'),
  );
}

async function isUsable(binary) {
  return isAtLeast((await versionOf(binary)) ?? '', natsServerMinimum);
}

function onPath() {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '' && folder !== binDir)
    .map((folder) => join(folder, 'nats-server'))
    .filter(isExecutable);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
