import { delimiter, join } from 'node:path';
import { binDir, cacheDir } from './layout.mjs';
import { npmEnvironment } from './npm.mjs';

/** The environment of whatever the set-up starts: pinned tools first on the PATH, package stores in the checkout, no prompts. */
export function toolEnvironment() {
  return {
    ...npmEnvironment(),
    PATH: [binDir, process.env.PATH].join(delimiter),
    npm_config_store_dir: join(cacheDir, 'pnpm-store'),
    npm_config_cache_dir: join(cacheDir, 'pnpm-cache'),
    npm_config_state_dir: join(cacheDir, 'pnpm-state'),
    npm_config_manage_package_manager_versions: 'false',
    npm_config_update_notifier: 'false',
    ONNXRUNTIME_NODE_INSTALL: 'skip',
  };
}
