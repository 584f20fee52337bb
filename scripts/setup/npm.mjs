import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cacheDir } from './layout.mjs';
import { run } from './process.mjs';

/** This process's environment without what an outer `npm start` says about its own package, with npm's cache in the checkout. */
export function npmEnvironment() {
  const env = { ...process.env, npm_config_cache: join(cacheDir, 'npm') };
  for (const name of Object.keys(env)) {
    if (/^npm_(package|lifecycle)_/.test(name)) delete env[name];
  }
  delete env.npm_config_local_prefix;
  delete env.INIT_CWD;
  return env;
}

/**
 * Installs one package, without running its install scripts, into a directory of its own and returns that directory's `node_modules`.
 * The directory is npm's working directory rather than its `--prefix`, because that would also hide the machine's own npm settings.
 */
export async function installPackage(name, version, directory) {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'package.json'), '{ "private": true }\n');
  const [program, leading] = npmCommand();
  const options = [
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--no-package-lock',
    '--prefer-offline',
    '--loglevel=error',
  ];
  await run(program, [...leading, 'install', ...options, `${name}@${version}`], {
    cwd: directory,
    env: npmEnvironment(),
  });
  return join(directory, 'node_modules');
}

function npmCommand() {
  const outer = process.env.npm_execpath;
  return outer && basename(outer) === 'npm-cli.js' ? [process.execPath, [outer]] : ['npm', []];
}

/** npm's file of settings for the whole machine, which may name a mirror, proxy or certificates; other tools do not find it themselves. */
export async function globalConfigFile() {
  const known = process.env.npm_config_globalconfig;
  if (known) return known;
  const [program, leading] = npmCommand();
  return (
    await run(program, [...leading, 'config', 'get', 'globalconfig', '--loglevel=error'], { env: npmEnvironment() })
  ).trim();
}
