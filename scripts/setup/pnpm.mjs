import { join } from 'node:path';
import { linkBinary, linkedBinary } from './bin.mjs';
import { binDir, cacheDir, pinnedVersions } from './layout.mjs';
import { installPackage } from './npm.mjs';
import { fingerprint, isStamped, stamp } from './stamp.mjs';

/** Where `ensurePnpm` leaves pnpm; it needs the pinned Node on the PATH. */
export const pnpmBinary = join(binDir, 'pnpm');

const inputs = () => fingerprint(pinnedVersions().pnpm);

/** Whether the pinned pnpm is in place. */
export const isPnpmReady = () => isStamped('pnpm', inputs()) && linkedBinary('pnpm') !== undefined;

/** Installs pnpm at the version of package.json's `packageManager` into the cache. */
export async function ensurePnpm() {
  const version = pinnedVersions().pnpm;
  const modules = await installPackage('pnpm', version, join(cacheDir, 'tools', `pnpm-${version}`));
  linkBinary('pnpm', join(modules, 'pnpm', 'bin', 'pnpm.cjs'));
  stamp('pnpm', inputs());
}
