import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseSources } from './apt-sources.mjs';
import { run } from './process.mjs';

/**
 * An apt with lists, state and sources of its own below `directory`, so that neither root is needed nor the system touched; it checks
 * signatures with the system's keyring. Its lists are up to date when it is returned. `run` takes arguments of apt-get, and what that
 * downloads is left below `directory`.
 * `sources` are entries of `parseSources`; `status` is the file that says what is installed, `/dev/null` for nothing.
 */
export async function openApt(directory, { sources, status = '/dev/null' }) {
  const lists = join(directory, 'lists');
  const cache = join(directory, 'cache');
  const parts = join(directory, 'sources');
  for (const folder of [join(lists, 'partial'), join(cache, 'archives', 'partial'), parts])
    mkdirSync(folder, { recursive: true });
  for (const [index, source] of sources.entries()) writeFileSync(join(parts, `${index}.sources`), renderSource(source));
  const configuration = join(directory, 'apt.conf');
  const state = join(directory, 'state');
  writeFileSync(configuration, renderConfiguration({ state, lists, cache, sources: parts, status }));

  const get = (...args) =>
    run('apt-get', ['-q', '-c', configuration, ...args], { cwd: directory, timeoutSeconds: 120 });
  await get('update');
  return { run: get, archives: join(cache, 'archives') };
}

function renderSource({ uri, suite, components, signedBy }) {
  const fields = [
    'Types: deb',
    `URIs: ${uri}`,
    `Suites: ${suite}`,
    `Components: ${components.join(' ')}`,
    'Targets: Packages',
  ];
  if (signedBy) fields.push(`Signed-By: ${signedBy}`);
  return `${fields.join('\n')}\n`;
}

/** Read last by apt, so it holds against the machine's own settings; hooks are cleared because they would act on the system. */
function renderConfiguration({ state, lists, cache, sources, status }) {
  return [
    '#clear APT::Update::Pre-Invoke;',
    '#clear APT::Update::Post-Invoke;',
    '#clear APT::Update::Post-Invoke-Success;',
    `Dir::State "${state}";`,
    `Dir::State::lists "${lists}";`,
    `Dir::State::status "${status}";`,
    `Dir::Cache "${cache}";`,
    `Dir::Cache::archives "${join(cache, 'archives')}";`,
    'Dir::Etc::sourcelist "/dev/null";',
    `Dir::Etc::sourceparts "${sources}";`,
    'Dir::Etc::preferences "/dev/null";',
    'Dir::Etc::preferencesparts "/dev/null";',
    'APT::Sandbox::User "root";',
    'APT::Get::AllowUnauthenticated "false";',
    'APT::Update::Error-Mode "any";',
    'Acquire::AllowInsecureRepositories "false";',
    'Acquire::AllowDowngradeToInsecureRepositories "false";',
    'Acquire::Retries "2";',
    '',
  ].join('\n');
}

/** What apt is configured with on this machine, as `parseSources` reads it. */
export function configuredSources() {
  const main = '/etc/apt/sources.list';
  const parts = join(dirname(main), 'sources.list.d');
  const files = existsSync(parts) ? readdirSync(parts).map((name) => join(parts, name)) : [];
  return [main, ...files]
    .filter((file) => /\.(list|sources)$/.test(file) && existsSync(file))
    .flatMap((file) => parseSources(readFileSync(file, 'utf8'), file.endsWith('.sources') ? 'deb822' : 'one-line'));
}

/** The fields of /etc/os-release; none where there is no such file. */
export function osRelease() {
  try {
    const lines = readFileSync('/etc/os-release', 'utf8').matchAll(/^([A-Z_]+)="?([^"\n]*)"?$/gm);
    return Object.fromEntries([...lines].map(([, name, value]) => [name, value]));
  } catch {
    return {};
  }
}
