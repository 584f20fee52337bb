import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { configuredSources, openApt, osRelease } from './apt.mjs';
import { distributionMirrors } from './apt-sources.mjs';
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
 * Unpacks the distribution's nats-server below `directory` and returns the binary's path. Nothing outside `directory` is touched.
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
  mkdirSync(apt, { recursive: true });
  const { run: aptGet } = await openApt(apt, { sources: [{ ...mirror, suite, components: [component] }] });
  await aptGet('download', 'nats-server');
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

function mirrors(release, { component }) {
  const codename = release.VERSION_CODENAME;
  const configured = distributionMirrors(configuredSources(), { codename, component });
  if (configured.length === 0)
    throw new Error(`apt has no source of ${release.ID} ${codename} ${component} configured`);
  return configured.slice(0, 3);
}
