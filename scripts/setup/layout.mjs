import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the checkout. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Everything the set-up fetches lives below this directory, and nothing outside the checkout is changed. */
export const cacheDir = join(root, '.cache');

/** Stable names (`node`, `pnpm`, `nats-server`) for the versions in use. It stands first on the PATH of what the set-up starts. */
export const binDir = join(cacheDir, 'bin');

/** Lowest nats-server with `filter_subjects` and `term(reason)`. */
export const natsServerMinimum = '2.10.0';

/** Official release fetched where no distribution package can be had. */
export const natsServerRelease = '2.10.29';

/** The exact versions, read from package.json: `config.node` and `packageManager`. */
export function pinnedVersions() {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const node = manifest.config?.node;
  const pnpm = /^pnpm@(\d+\.\d+\.\d+)/.exec(manifest.packageManager ?? '')?.[1];
  if (!node) throw new Error('package.json has no "config": {"node": "<version>"}; name the exact Node version there');
  if (!pnpm) throw new Error(`package.json has packageManager ${manifest.packageManager}; expected pnpm@<version>`);
  return { node, pnpm };
}
