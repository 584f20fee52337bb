import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { releaseName, verifyChecksum } from './nats-release.mjs';

const content = Buffer.from('an archive');
const digest = createHash('sha256').update(content).digest('hex');

test('accepts content whose checksum the release lists under its name', () => {
  verifyChecksum(content, 'a.tar.gz', `${'0'.repeat(64)}  b.tar.gz\n${digest}  a.tar.gz\n`);
});

test('refuses other content, and a name that is not listed', () => {
  assert.throws(
    () => verifyChecksum(Buffer.from('forged'), 'a.tar.gz', `${digest}  a.tar.gz\n`),
    /nothing was installed/,
  );
  assert.throws(() => verifyChecksum(content, 'a.tar.gz', `${digest}  b.tar.gz\n`), /does not list a\.tar\.gz/);
});

test('names the archive of a platform, and a platform without one', () => {
  assert.match(releaseName('linux', 'x64'), /^nats-server-v[\d.]+-linux-amd64$/);
  assert.match(releaseName('darwin', 'arm64'), /-darwin-arm64$/);
  assert.throws(() => releaseName('aix', 'ppc64'), /no release for aix on ppc64/);
});
