import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { ConclaveError, type Digest, digest, digestOf } from '@conclave/contracts';
import { z } from 'zod';
import type { FileEntry } from './ports/artifacts.ts';

/** Limits of one directory, on pushing and on unpacking. */
export const DIRECTORY_LIMITS = { files: 20_000, bytes: 8 * 1024 ** 3 } as const;

/** A relative POSIX path without `.`, `..`, empty parts or a leading slash. */
const safePath = z
  .string()
  .refine(
    (path) =>
      !path.startsWith('/') &&
      !path.includes('\\') &&
      path.split('/').every((part) => part !== '' && part !== '.' && part !== '..'),
    {
      error: 'must be a relative path without . or ..',
    },
  );

/** What a directory consists of. Its digest is the SHA-256 of this object's canonical JSON, of `files` alone. */
export const manifest = z.object({
  files: z.record(safePath, z.object({ sha256: digest, bytes: z.number().int().nonnegative() })),
});
export type Manifest = z.infer<typeof manifest>;

export function manifestDigest({ files }: Manifest): Digest {
  return digestOf({ files });
}

export function totalBytes({ files }: Manifest): number {
  return Object.values(files).reduce((sum, file) => sum + file.bytes, 0);
}

/** SHA-256 and size of a file. */
export async function fileEntry(path: string): Promise<FileEntry> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path)) {
    if (!(chunk instanceof Uint8Array)) throw new TypeError('a file stream without encoding gives bytes');
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { sha256: `sha256:${hash.digest('hex')}`, bytes };
}

/**
 * Lists and hashes a directory's regular files.
 * @throws CVE_REQUEST_INVALID for a symbolic link or special file, for too many files or bytes.
 */
export async function readManifest(dir: string): Promise<Manifest> {
  const files: Record<string, FileEntry> = {};
  let bytes = 0;
  for (const path of await listFiles(dir)) {
    const entry = await fileEntry(join(dir, path));
    files[path] = entry;
    bytes += entry.bytes;
    if (bytes > DIRECTORY_LIMITS.bytes) throw tooLarge(dir, `more than ${DIRECTORY_LIMITS.bytes} bytes`);
  }
  return { files };
}

function tooLarge(dir: string, what: string): ConclaveError {
  return new ConclaveError('CVE_REQUEST_INVALID', `${dir} has ${what}; split it or remove what does not belong there`);
}

/** Relative POSIX paths, sorted by code unit. */
async function listFiles(dir: string): Promise<string[]> {
  const found: string[] = [];
  const visit = async (relative: string): Promise<void> => {
    for (const name of await readdir(join(dir, relative))) {
      const path = posix.join(relative, name);
      const stat = await lstat(join(dir, path));
      if (stat.isDirectory()) await visit(path);
      else if (stat.isFile()) found.push(path);
      else
        throw new ConclaveError(
          'CVE_REQUEST_INVALID',
          `${join(dir, path)} is a link or special file; replace it by a regular file`,
        );
      if (found.length > DIRECTORY_LIMITS.files) throw tooLarge(dir, `more than ${DIRECTORY_LIMITS.files} files`);
    }
  };
  await visit('');
  return found.sort();
}

/** SHA-256 of a directory's content: of the canonical JSON `{files: {path: {sha256, bytes}}}`. Names, modes and times outside do not count. */
export async function directoryDigest(dir: string): Promise<Digest> {
  return manifestDigest(await readManifest(dir));
}

/** @throws CVE_ARTIFACT_DIGEST_MISMATCH naming the file, what was expected and what was found. */
export function compareManifests(name: string, expected: Manifest, found: Manifest): void {
  const paths = new Set([...Object.keys(expected.files), ...Object.keys(found.files)]);
  for (const path of [...paths].sort()) {
    const want = expected.files[path];
    const have = found.files[path];
    if (want?.sha256 === have?.sha256 && want?.bytes === have?.bytes) continue;
    throw new ConclaveError(
      'CVE_ARTIFACT_DIGEST_MISMATCH',
      `${path} of artifact ${name}: expected ${show(want)}, found ${show(have)}; push the artifact again from its source`,
    );
  }
}

function show(entry: FileEntry | undefined): string {
  return entry === undefined ? 'no such file' : `${entry.sha256} (${entry.bytes} bytes)`;
}
