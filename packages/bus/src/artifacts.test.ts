import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { canonicalJson, type Digest, digestOf, sha256 } from '@conclave/contracts';
import * as tar from 'tar';
import { evictUnused, removeLeftovers } from './artifact-copies.ts';
import { directoryDigest } from './artifact-files.ts';
import { openArtifacts } from './artifacts.ts';
import { nativeOf } from './native.ts';
import { Objects } from './object-store.ts';
import { startTestBus, type TestBus } from './testing/index.ts';

async function* bytesOf(bytes: Uint8Array) {
  yield await Promise.resolve(bytes);
}

describe('artifacts', () => {
  let test: TestBus;
  let dir: string;
  before(async () => {
    test = await startTestBus();
  });
  after(async () => {
    await test[Symbol.asyncDispose]();
  });
  beforeEach(async (context) => {
    dir = await mkdtemp(join(tmpdir(), 'conclave-artifacts-'));
    await mkdir(join(dir, 'source/deep'), { recursive: true });
    if ('after' in context) context.after(() => rm(dir, { recursive: true, force: true }));
  });
  const fill = async (files: Readonly<Record<string, string | Uint8Array>>): Promise<string> => {
    for (const [path, content] of Object.entries(files)) await writeFile(join(dir, 'source', path), content);
    return join(dir, 'source');
  };

  it('a directory comes back as it was, in pieces and with progress', async () => {
    const artifacts = openArtifacts(test.bus);
    const weights = randomBytes(1_500_000);
    const source = await fill({ 'model.onnx': weights, 'deep/config.json': '{}', empty: '' });
    const pushed: number[] = [];
    const result = await artifacts.pushDirectory(source, 'model', ({ bytes }) => pushed.push(bytes));
    assert.deepEqual(
      { ...result, digest: '' },
      { digest: '', bytes: weights.length + 2, files: 3, alreadyThere: false },
    );
    assert.ok(pushed.length > 5);
    assert.equal(await artifacts.has(result.digest), true);
    const cache = join(dir, 'cache');
    const fetched = await artifacts.fetchDirectory(result.digest, cache);
    assert.equal(await directoryDigest(fetched), result.digest);
    assert.deepEqual(await readFile(join(fetched, 'model.onnx')), weights);
    assert.equal(await artifacts.fetchDirectory(result.digest, cache), fetched);
  });

  it('the digest is that of names and contents, not of times', async () => {
    const source = await fill({ 'b.txt': 'b', 'a.txt': 'a' });
    const expected = digestOf({
      files: { 'a.txt': { sha256: sha256('a'), bytes: 1 }, 'b.txt': { sha256: sha256('b'), bytes: 1 } },
    });
    assert.equal(await directoryDigest(source), expected);
    const artifacts = openArtifacts(test.bus);
    assert.equal((await artifacts.pushDirectory(source, 'dataset')).alreadyThere, false);
    await utimes(join(source, 'a.txt'), 1, 1);
    assert.deepEqual((await artifacts.pushDirectory(source, 'dataset')).alreadyThere, true);
  });

  it('a cache keeps what is in use and what was used last', async () => {
    const artifacts = openArtifacts(test.bus);
    const cache = join(dir, 'cache');
    await evictUnused(cache, []);
    const digests: Digest[] = [];
    for (let i = 0; i < 11; i++) {
      const { digest } = await artifacts.pushDirectory(await fill({ file: `cached ${i}` }), 'model');
      await artifacts.fetchDirectory(digest, cache);
      await utimes(join(cache, `${digest.slice(7)}.verified`), i, i);
      digests.push(digest);
    }
    const [inUse, usedAgain, old, alsoOld, ...recent] = digests;
    assert.ok(inUse !== undefined && usedAgain !== undefined && old !== undefined && alsoOld !== undefined);
    await artifacts.fetchDirectory(usedAgain, cache);
    await evictUnused(cache, [inUse]);
    const kept = [inUse, usedAgain, ...recent].map((digest) => digest.slice(7));
    assert.deepEqual((await readdir(cache)).sort(), kept.flatMap((name) => [name, `${name}.verified`]).sort());
    assert.equal(await directoryDigest(await artifacts.fetchDirectory(old, cache)), old);
  });

  it('a cache loses what dead processes left in it, and nothing of live ones', async () => {
    const cache = join(dir, 'cache');
    await removeLeftovers(cache);
    const copy = 'a'.repeat(64);
    const { pid: dead } = spawnSync('true');
    const names = [`${copy}.tmp-${dead}`, `${copy}.evicted-${dead}`, `${copy}.tmp-${process.pid}`];
    for (const name of [copy, ...names, `${copy}.tmp-${process.ppid}`])
      await mkdir(join(cache, name), { recursive: true });
    for (const name of [`${copy}.verified`, `${copy}.verified-${dead}`]) await writeFile(join(cache, name), '');
    await removeLeftovers(cache);
    assert.deepEqual((await readdir(cache)).sort(), [copy, `${copy}.tmp-${process.ppid}`, `${copy}.verified`].sort());
  });

  it('bytes come back by digest', async () => {
    const artifacts = openArtifacts(test.bus);
    const digest = await artifacts.putBytes(Buffer.from('long output'));
    assert.equal(digest, sha256('long output'));
    assert.equal(await artifacts.putBytes(Buffer.from('long output')), digest);
    assert.equal(Buffer.from(await artifacts.getBytes(digest)).toString(), 'long output');
    assert.deepEqual(Buffer.from(await artifacts.getBytes(await artifacts.putBytes(Buffer.alloc(0)))), Buffer.alloc(0));
  });

  it('what nobody pushed is unknown', async () => {
    const artifacts = openArtifacts(test.bus);
    const digest = sha256('nothing');
    assert.equal(await artifacts.has(digest), false);
    await assert.rejects(artifacts.getBytes(digest), /CVE_ARTIFACT_UNKNOWN/);
    await assert.rejects(artifacts.fetchDirectory(digest, dir), /CVE_ARTIFACT_UNKNOWN/);
  });

  it('a link is refused', async () => {
    const source = await fill({ file: 'x' });
    await symlink('/etc/passwd', join(source, 'link'));
    await assert.rejects(openArtifacts(test.bus).pushDirectory(source, 'scripts'), /CVE_REQUEST_INVALID.*link/);
  });

  /** Replaces the stored archive by one made of other files, under the same digest. */
  const tamper = async (digest: Digest, files: Readonly<Record<string, string>>): Promise<void> => {
    const forged = await mkdtemp(join(dir, 'forged-'));
    for (const [path, content] of Object.entries(files)) {
      await mkdir(join(forged, path, '..'), { recursive: true });
      await writeFile(join(forged, path), content);
    }
    const archive = join(dir, 'forged.tgz');
    await tar.create({ file: archive, cwd: forged, gzip: true }, Object.keys(files));
    await new Objects(nativeOf(test.bus)).put(digest, 'forged', bytesOf(await readFile(archive)));
  };

  /** Stores an object's bytes again, last byte first, and keeps its entry's digest. */
  const storeBackwards = async (name: string): Promise<void> => {
    const objects = new Objects(nativeOf(test.bus));
    const before = await objects.info(name);
    const chunks: Uint8Array[] = [];
    await objects.get(name, (chunk) => void chunks.push(chunk));
    await objects.put(name, 'backwards', bytesOf(Buffer.concat(chunks).reverse()));
    await enter(name, { ...(await objects.info(name)), digest: before?.digest });
  };

  const enter = async (name: string, entry: object): Promise<void> => {
    const key = Buffer.from(name).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
    await nativeOf(test.bus).js.publish(`$O.conclave-artifacts.M.${key}`, JSON.stringify(entry));
  };

  it('a tampered file is refused by name, nothing stays in the cache, and pushing again repairs it', async () => {
    const artifacts = openArtifacts(test.bus);
    const source = await fill({ 'model.onnx': 'good', 'extra.txt': 'extra' });
    const { digest } = await artifacts.pushDirectory(source, 'model');
    const cache = join(dir, 'cache');
    await tamper(digest, { 'model.onnx': 'evil', 'extra.txt': 'extra' });
    const mismatch = new RegExp(
      `CVE_ARTIFACT_DIGEST_MISMATCH: model.onnx .*expected ${sha256('good')}.*found ${sha256('evil')}`,
    );
    await assert.rejects(artifacts.fetchDirectory(digest, cache), mismatch);
    await assert.rejects(readFile(join(cache, digest.slice(7), 'model.onnx')));
    await tamper(digest, { 'model.onnx': 'good' });
    await assert.rejects(
      artifacts.fetchDirectory(digest, cache),
      /CVE_ARTIFACT_DIGEST_MISMATCH: extra.txt .*no such file/,
    );
    assert.equal((await artifacts.pushDirectory(source, 'model')).alreadyThere, false);
    assert.equal(await directoryDigest(await artifacts.fetchDirectory(digest, cache)), digest);
  });

  it('an archive that cannot be unpacked is refused, a machine that cannot hold it is not the archive’s fault', async () => {
    const artifacts = openArtifacts(test.bus);
    const name = 'n'.repeat(200);
    const { digest } = await artifacts.pushDirectory(await fill({ [name]: 'content' }), 'model');
    // The archive itself still has a path that the system takes, the file in it no longer.
    const folders = join(dir, ...Array.from({ length: 19 }, () => 'f'.repeat(200)));
    const cache = join(folders, 'f'.repeat(3950 - folders.length - 1));
    await assert.rejects(artifacts.fetchDirectory(digest, cache), { code: 'ENAMETOOLONG', syscall: 'open' });
    await new Objects(nativeOf(test.bus)).put(digest, 'forged', bytesOf(Buffer.from('no archive')));
    await assert.rejects(artifacts.fetchDirectory(digest, dir), /CVE_ARTIFACT_DIGEST_MISMATCH: .*cannot be unpacked/);
  });

  it('an archive stored out of order under its own digest is repaired by pushing again', async () => {
    const artifacts = openArtifacts(test.bus);
    const source = await fill({ 'model.onnx': randomBytes(200_000) });
    const { digest } = await artifacts.pushDirectory(source, 'model');
    await storeBackwards(digest);
    await assert.rejects(artifacts.fetchDirectory(digest, join(dir, 'cache')), /CVE_ARTIFACT_DIGEST_MISMATCH/);
    assert.equal((await artifacts.pushDirectory(source, 'model')).alreadyThere, false);
    assert.equal(await directoryDigest(await artifacts.fetchDirectory(digest, join(dir, 'cache'))), digest);
    await storeBackwards(`${digest}.manifest`);
    assert.equal((await artifacts.pushDirectory(source, 'model')).alreadyThere, false);
    assert.equal((await artifacts.pushDirectory(source, 'model')).alreadyThere, true);
  });

  it('bytes stored out of order are repaired by putting them again', async () => {
    const artifacts = openArtifacts(test.bus);
    const bytes = randomBytes(200_000);
    const digest = await artifacts.putBytes(bytes);
    await storeBackwards(digest);
    await assert.rejects(artifacts.getBytes(digest), /CVE_ARTIFACT_DIGEST_MISMATCH/);
    await artifacts.putBytes(bytes);
    assert.deepEqual(Buffer.from(await artifacts.getBytes(digest)), bytes);
  });

  it('files that the manifest does not name are not unpacked', async () => {
    const artifacts = openArtifacts(test.bus);
    const { digest } = await artifacts.pushDirectory(await fill({ 'only.txt': 'unpacked' }), 'model');
    await tamper(digest, { 'only.txt': 'unpacked', 'deep/more.txt': 'more', 'other.txt': 'other' });
    assert.equal(await directoryDigest(await artifacts.fetchDirectory(digest, join(dir, 'cache'))), digest);
  });

  it('a manifest that leads out of the directory, or of another digest, is refused', async () => {
    const objects = new Objects(nativeOf(test.bus));
    const artifacts = openArtifacts(test.bus);
    const evil = { files: { '../escape': { sha256: sha256('x'), bytes: 1 } } };
    await objects.put(`${digestOf(evil)}.manifest`, '', bytesOf(Buffer.from(canonicalJson(evil))));
    await assert.rejects(artifacts.fetchDirectory(digestOf(evil), dir), /CVE_ARTIFACT_DIGEST_MISMATCH/);
    const other = sha256('other');
    await objects.put(`${other}.manifest`, '', bytesOf(Buffer.from(canonicalJson({ files: {} }))));
    await assert.rejects(artifacts.fetchDirectory(other, dir), /CVE_ARTIFACT_DIGEST_MISMATCH/);
  });

  it('bytes changed inside the stream are refused', async () => {
    const artifacts = openArtifacts(test.bus);
    const digest = await artifacts.putBytes(Buffer.from('exact'));
    const stored = await new Objects(nativeOf(test.bus)).info(digest);
    await enter(digest, { ...stored, digest: 'SHA-256=AAAA' });
    await assert.rejects(artifacts.getBytes(digest), /CVE_ARTIFACT_DIGEST_MISMATCH/);
  });
});

it('an object is whole and in order though the server crashed twice while it was stored', async () => {
  await using test = await startTestBus();
  const objects = new Objects(nativeOf(test.bus));
  const bytes = randomBytes(8_000_000);
  let restarting: Promise<void> = Promise.resolve();
  async function* interrupted() {
    for (let start = 0; start < bytes.length; start += 100_000) {
      if (start === 2_000_000 || start === 5_000_000) {
        await restarting;
        await test.nats.kill();
        restarting = test.nats.restart();
      }
      yield bytes.subarray(start, start + 100_000);
    }
  }
  await objects.put('interrupted', '', interrupted());
  await restarting;
  const found = createHash('sha256');
  await objects.get('interrupted', (chunk) => void found.update(chunk));
  assert.equal(found.digest('hex'), createHash('sha256').update(bytes).digest('hex'));
});
