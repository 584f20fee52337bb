import { createReadStream } from 'node:fs';
import { access, mkdir, mkdtemp, open, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ConclaveError,
  canonicalJson,
  type Digest,
  digest as digestSchema,
  messageOf,
  sha256,
} from '@conclave/contracts';
import * as tar from 'tar';
import { copyOf } from './artifact-copies.ts';
import {
  compareManifests,
  fileEntry,
  type Manifest,
  manifest,
  manifestDigest,
  readManifest,
  totalBytes,
} from './artifact-files.ts';
import { nativeOf, parseJson } from './native.ts';
import { Objects, unknownArtifact } from './object-store.ts';
import type { ArtifactKind, Artifacts, Progress } from './ports/artifacts.ts';
import type { Bus } from './ports/connection.ts';

/**
 * Artifacts by digest. A directory is two objects: `<digest>` is its tar.gz, `<digest>.manifest` lists its files and is stored last. The
 * manifest proves itself (its digest is the artifact's), and everything unpacked is checked against it.
 */
export function openArtifacts(bus: Bus): Artifacts {
  const objects = new Objects(nativeOf(bus));
  return {
    pushDirectory: (dir, kind, onProgress) => pushDirectory(objects, dir, kind, onProgress),
    fetchDirectory: (digest, cacheDir, onProgress) =>
      fetchDirectory(objects, digestSchema.parse(digest), cacheDir, onProgress),
    async has(digest) {
      return ((await objects.info(manifestName(digest))) ?? (await objects.info(digest))) !== undefined;
    },
    async putBytes(bytes) {
      const digest = sha256(bytes);
      if (!(await objects.holds(digest, digest))) await objects.put(digest, 'bytes', once(bytes));
      return digest;
    },
    async getBytes(digest) {
      const bytes = await collect(objects, digest);
      const found = sha256(bytes);
      if (found === digest) return bytes;
      throw new ConclaveError(
        'CVE_ARTIFACT_DIGEST_MISMATCH',
        `artifact ${digest}: expected ${digest}, found ${found}; push it again`,
      );
    },
  };
}

const manifestName = (digest: Digest): string => `${digest}.manifest`;

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield await Promise.resolve(bytes);
}

async function collect(objects: Objects, name: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  await objects.get(name, (chunk) => {
    chunks.push(chunk);
  });
  return Buffer.concat(chunks);
}

async function pushDirectory(objects: Objects, dir: string, kind: ArtifactKind, onProgress?: Progress) {
  const content = await readManifest(dir);
  const digest = manifestDigest(content);
  const paths = Object.keys(content.files).sort();
  const result = { digest, bytes: totalBytes(content), files: paths.length };
  if (paths.length === 0)
    throw new ConclaveError('CVE_REQUEST_INVALID', `${dir} has no files; give the directory that holds the ${kind}`);
  const work = await mkdtemp(join(tmpdir(), 'conclave-push-'));
  try {
    const file = join(work, 'content.tar.gz');
    await tar.create(
      {
        file,
        cwd: dir,
        gzip: { portable: true },
        portable: true,
        mtime: new Date(0),
        noDirRecurse: true,
        strict: true,
      },
      paths.map((path) => `./${path}`),
    );
    const packed = await fileEntry(file);
    const list = new TextEncoder().encode(canonicalJson(content));
    const complete =
      (await objects.holds(digest, packed.sha256)) && (await objects.holds(manifestName(digest), sha256(list)));
    if (complete) return { ...result, alreadyThere: true };
    const report = (bytes: number): void => onProgress?.({ bytes, total: packed.bytes });
    await objects.put(digest, `${kind} directory, tar.gz`, createReadStream(file), report);
    await objects.put(manifestName(digest), `${kind} manifest`, once(list));
    return { ...result, alreadyThere: false };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Fetches of one directory in this process share one download. */
const underWay = new Map<string, Promise<string>>();

async function fetchDirectory(
  objects: Objects,
  digest: Digest,
  cacheDir: string,
  onProgress?: Progress,
): Promise<string> {
  const target = copyOf(cacheDir, digest);
  const running = underWay.get(target);
  if (running !== undefined) return await running;
  const fetching = fetchTo(objects, digest, target, onProgress).finally(() => underWay.delete(target));
  underWay.set(target, fetching);
  return await fetching;
}

async function fetchTo(objects: Objects, digest: Digest, target: string, onProgress?: Progress): Promise<string> {
  const marker = `${target}.verified`;
  if ((await exists(marker)) && (await exists(target))) {
    const now = new Date();
    await utimes(marker, now, now);
    return target;
  }
  const expected = await fetchManifest(objects, digest);
  const temporary = `${target}.tmp-${process.pid}`;
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  try {
    const file = join(temporary, '.content.tar.gz');
    await download(objects, digest, file, onProgress);
    await unpack(file, temporary, expected, digest);
    await rm(file);
    compareManifests(digest, expected, await readManifest(temporary));
    await rm(target, { recursive: true, force: true });
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  await writeFile(`${marker}-${process.pid}`, `${new Date().toISOString()}\n`);
  await rename(`${marker}-${process.pid}`, marker);
  return target;
}

async function fetchManifest(objects: Objects, digest: Digest): Promise<Manifest> {
  if ((await objects.info(manifestName(digest))) === undefined) throw unknownArtifact(digest);
  const name = `the manifest of ${digest}`;
  const parsed = manifest.safeParse(parseJson(await collect(objects, manifestName(digest)), name));
  const found = parsed.success ? manifestDigest(parsed.data) : 'no manifest';
  if (parsed.success && found === digest) return parsed.data;
  throw new ConclaveError(
    'CVE_ARTIFACT_DIGEST_MISMATCH',
    `${name}: expected ${digest}, found ${found}; push the artifact again`,
  );
}

async function download(objects: Objects, digest: Digest, file: string, onProgress?: Progress): Promise<void> {
  const total = (await objects.info(digest))?.size ?? 0;
  const handle = await open(file, 'wx');
  let bytes = 0;
  try {
    await objects.get(digest, async (chunk) => {
      await handle.writeFile(chunk);
      bytes += chunk.length;
      onProgress?.({ bytes, total });
    });
  } finally {
    await handle.close();
  }
}

/** Unpacks only regular files that the manifest names with that size: no link, no other path, no more bytes than announced. */
async function unpack(file: string, cwd: string, expected: Manifest, digest: Digest): Promise<void> {
  try {
    await tar.extract({
      file,
      cwd,
      strict: true,
      preserveOwner: false,
      filter: (path, entry) => {
        const name = path.replace(/^\.\//, '');
        return 'type' in entry && entry.type === 'File' && expected.files[name]?.bytes === entry.size;
      },
    });
  } catch (error) {
    // A full disk says nothing about the archive: the same fetch may succeed later.
    if (error instanceof Error && 'syscall' in error) throw error;
    throw new ConclaveError(
      'CVE_ARTIFACT_DIGEST_MISMATCH',
      `artifact ${digest} cannot be unpacked: ${messageOf(error)}; push it again`,
      { cause: error },
    );
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
