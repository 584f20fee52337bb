import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { distributionMirrors, parseSources } from './apt-sources.mjs';
import { run } from './process.mjs';

/** The first release of each distribution whose nats-server is new enough. */
const distributions = {
  debian: {
    suite: 'trixie',
    component: 'main',
  },
  ubuntu: {
    suite: 'noble',
    component: 'universe',
  },
};

/**
 * Unpacks the distribution's nats-server below `directory` and returns the binary's path. apt works on lists, state and sources
 * of its own there, so that neither root is needed nor the system touched; it checks signatures with the system's keyring.
 */
export async function fromDistribution(directory, report) {
  const release = osRelease();
  const distribution = distributions[release.ID];
  if (process.platform !== 'linux' || !distribution) {
    throw new Error(`this is ${release.ID ?? process.platform}, neither Debian nor Ubuntu`);
  }
  const errors = [];
  for (const mirror of mirrors(release, distribution)) {
    report(`nats-server: package of ${release.ID} ${distribution.suite}`);
    try {
      return await download(directory, mirror, distribution);
    } catch (error) {
      errors.push(error.message);
    }
  }
  throw new Error(errors.join('\n'));
}
fromDistribution.label = "the distribution's package";

async function download(directory, mirror, { suite, component }) {
  const apt = join(directory, 'apt');
  const lists = join(apt, 'lists');
  const cache = join(apt, 'cache');
  const sources = join(apt, 'sources');
  for (const folder of [join(lists, 'partial'), join(cache, 'archives', 'partial'), sources])
    mkdirSync(folder, { recursive: true });
  writeFileSync(join(sources, 'nats.sources'), renderSources(mirror, suite, component));
  const configuration = join(apt, 'apt.conf');
  writeFileSync(configuration, renderConfiguration({ state: join(apt, 'state'), lists, cache, sources }));

  await run('apt-get', ['-q', '-c', configuration, 'update'], { cwd: apt, timeoutSeconds: 120 });
  await run('apt-get', ['-q', '-c', configuration, 'download', 'nats-server'], { cwd: apt, timeoutSeconds: 120 });
  const archive = readdirSync(apt).find((name) => name.endsWith('.deb'));
  if (!archive)
    throw new Error(`apt-get download of nats-server from ${mirror.uri} ${suite} left no package in ${apt}`);
  const unpacked = join(directory, 'package');
  await run('dpkg', ['-x', join(apt, archive), unpacked]);
  rmSync(apt, { recursive: true, force: true });
  const binary = ['usr/sbin', 'usr/bin'].map((folder) => join(unpacked, folder, 'nats-server')).find(existsSync);
  if (!binary) throw new Error(`${archive} holds no nats-server`);
  return binary;
}

function renderSources({ uri, signedBy }, suite, component) {
  const fields = ['Types: deb', `URIs: ${uri}`, `Suites: ${suite}`, `Components: ${component}`, 'Targets: Packages'];
  if (signedBy) fields.push(`Signed-By: ${signedBy}`);
  return `${fields.join('\n')}\n`;
}

/** Read last by apt, so it holds against the machine's own settings; hooks are cleared because they would act on the system. */
function renderConfiguration({ state, lists, cache, sources }) {
  return [
    '#clear APT::Update::Pre-Invoke;',
    '#clear APT::Update::Post-Invoke;',
    '#clear APT::Update::Post-Invoke-Success;',
    `Dir::State "${state}";`,
    `Dir::State::lists "${lists}";`,
    'Dir::State::status "/dev/null";',
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

function mirrors(release, { component }) {
  const codename = release.VERSION_CODENAME;
  const configured = distributionMirrors(configuredSources(), { codename, component });
  if (configured.length === 0)
    throw new Error(`apt has no source of ${release.ID} ${codename} ${component} configured`);
  return configured.slice(0, 3);
}

function configuredSources() {
  const main = '/etc/apt/sources.list';
  const parts = join(dirname(main), 'sources.list.d');
  const files = existsSync(parts) ? readdirSync(parts).map((name) => join(parts, name)) : [];
  return [main, ...files]
    .filter((file) => /\.(list|sources)$/.test(file) && existsSync(file))
    .flatMap((file) => parseSources(readFileSync(file, 'utf8'), file.endsWith('.sources') ? 'deb822' : 'one-line'));
}

function osRelease() {
  try {
    const lines = readFileSync('/etc/os-release', 'utf8').matchAll(/^([A-Z_]+)="?([^"\n]*)"?$/gm);
    return Object.fromEntries([...lines].map(([, name, value]) => [name, value]));
  } catch {
    return {};
  }
}
