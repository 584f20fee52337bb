import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { linkBinary, linkedBinary } from './bin.mjs';
import { binDir, cacheDir, pinnedVersions } from './layout.mjs';
import { installPackage } from './npm.mjs';
import { versionOf } from './process.mjs';
import { fingerprint, isStamped, stamp } from './stamp.mjs';

/** Where `ensureNode` leaves the Node that runs everything else. */
export const nodeBinary = join(binDir, 'node');

const inputs = () => fingerprint(pinnedVersions().node, process.platform, process.arch);

/** Whether the pinned Node is in place. */
export const isNodeReady = () => isStamped('node', inputs()) && linkedBinary('node') !== undefined;

/**
 * Puts the pinned Node into the cache. The npm package `node` only fetches its platform's package from an install script, and
 * such scripts are blocked on many machines; so the platform's package is installed directly.
 */
export async function ensureNode() {
  const version = pinnedVersions().node;
  const binary = (await fromPlatformPackage(version)) ?? fromRunningNode(version);
  linkBinary('node', binary);
  stamp('node', inputs());
}

let reasonForNoPackage = '';

async function fromPlatformPackage(version) {
  const prefix = process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node';
  const name = `${prefix}-${process.platform}-${process.arch}`;
  const directory = join(cacheDir, 'tools', `node-${version}`);
  try {
    const binary = join(await installPackage(name, version, directory), name, 'bin', 'node');
    const found = await versionOf(binary);
    if (found === `v${version}`) return binary;
    reasonForNoPackage = `${binary} of npm package ${name}@${version} does not run on this machine (it answers ${found ?? 'nothing'})`;
  } catch (error) {
    reasonForNoPackage = `npm package ${name}@${version} could not be installed: ${error.message}`;
  }
  rmSync(directory, { recursive: true, force: true });
  return undefined;
}

function fromRunningNode(version) {
  const wantedMajor = version.split('.')[0];
  if (process.versions.node.split('.')[0] === wantedMajor) return process.execPath;
  throw new Error(
    `Node ${version} is needed and this is Node ${process.versions.node}. ${reasonForNoPackage}\n` +
      `Make the npm registry reachable, or run this command with a Node ${wantedMajor} of your own.`,
  );
}
