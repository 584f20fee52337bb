import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { natsServerRelease } from './layout.mjs';
import { nodeBinary } from './node.mjs';
import { run } from './process.mjs';

const downloader = fileURLToPath(new URL('./download.mjs', import.meta.url));

/** Unpacks the official release below `directory`, its checksum compared with the release's own SHA256SUMS; returns the binary's path. */
export async function fromRelease(directory, report) {
  const name = releaseName(process.platform, process.arch);
  const archive = join(directory, `${name}.tar.gz`);
  const sums = join(directory, 'SHA256SUMS');
  const base = `https://github.com/nats-io/nats-server/releases/download/v${natsServerRelease}`;
  report(`nats-server: release ${natsServerRelease} from github.com/nats-io`);
  mkdirSync(directory, { recursive: true });
  await download(`${base}/SHA256SUMS`, sums);
  await download(`${base}/${name}.tar.gz`, archive);
  verifyChecksum(readFileSync(archive), `${name}.tar.gz`, readFileSync(sums, 'utf8'));
  await run('tar', ['-xzf', archive, '-C', directory]);
  rmSync(archive);
  return join(directory, name, 'nats-server');
}
fromRelease.label = 'the official release';

/** The release's name of this platform's archive, without its ending. */
export function releaseName(platform, arch) {
  const system = { linux: 'linux', darwin: 'darwin', freebsd: 'freebsd' }[platform];
  const machine = { x64: 'amd64', arm64: 'arm64', arm: 'arm7', ia32: '386' }[arch];
  if (!system || !machine) throw new Error(`nats-server has no release for ${platform} on ${arch}`);
  return `nats-server-v${natsServerRelease}-${system}-${machine}`;
}

/** Throws unless the checksum list names exactly this content under this name. */
export function verifyChecksum(content, name, sums) {
  const listed = sums
    .split('\n')
    .map((line) => line.trim().split(/\s+\*?/))
    .find(([, file]) => file === name)?.[0];
  const actual = createHash('sha256').update(content).digest('hex');
  if (listed === undefined) throw new Error(`SHA256SUMS of nats-server v${natsServerRelease} does not list ${name}`);
  if (listed !== actual)
    throw new Error(`${name} has SHA-256 ${actual}, but the release lists ${listed}; nothing was installed`);
}

/** The pinned Node honours HTTPS_PROXY when asked to; the one that runs this file may be too old for that. */
async function download(url, file) {
  await run(nodeBinary, [downloader, url, file], {
    env: { ...process.env, NODE_USE_ENV_PROXY: '1' },
    timeoutSeconds: 120,
  });
}
