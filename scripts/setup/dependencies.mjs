import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { toolEnvironment } from './environment.mjs';
import { pinnedVersions, root } from './layout.mjs';
import { globalConfigFile } from './npm.mjs';
import { pnpmBinary } from './pnpm.mjs';
import { run } from './process.mjs';
import { fingerprint, isStamped, stamp } from './stamp.mjs';

const lockFile = join(root, 'pnpm-lock.yaml');

/** Whether node_modules was installed from exactly this lock file and these manifests. */
export const areDependenciesReady = () =>
  existsSync(join(root, 'node_modules', '.modules.yaml')) && isStamped('dependencies', inputs());

/** Installs what the lock file names, with store and caches inside the checkout. */
export async function ensureDependencies() {
  if (!existsSync(lockFile)) throw new Error(`${lockFile} is missing; restore it from the repository`);
  try {
    await run(pnpmBinary, ['install', '--frozen-lockfile', '--prefer-offline', '--reporter=append-only'], {
      cwd: root,
      env: { ...toolEnvironment(), npm_config_globalconfig: await globalConfigFile(), CI: 'true' },
    });
  } catch (error) {
    const isOutdated = error.message.includes('ERR_PNPM_OUTDATED_LOCKFILE');
    throw isOutdated ? new Error(`${error.message}\nRun 'pnpm install' and commit pnpm-lock.yaml.`) : error;
  }
  stamp('dependencies', inputs());
}

function inputs() {
  const { node, pnpm } = pinnedVersions();
  const files = [lockFile, join(root, 'pnpm-workspace.yaml'), join(root, '.npmrc'), ...manifests()].filter((file) =>
    existsSync(file),
  );
  return fingerprint(node, pnpm, ...files.flatMap((file) => [file.slice(root.length), readFileSync(file)]));
}

/** package.json of the root and of every workspace package. */
function manifests() {
  const folders = ['packages', 'services', 'bench'].flatMap((folder) => {
    const path = join(root, folder);
    return existsSync(path)
      ? readdirSync(path)
          .sort()
          .map((name) => join(path, name))
      : [];
  });
  return [root, ...folders, join(root, 'test')].map((folder) => join(folder, 'package.json'));
}
