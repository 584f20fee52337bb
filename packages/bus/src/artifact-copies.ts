import { readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '@conclave/contracts';

/*
 * A folder of verified copies, private to one process at a time: `<hex>` is a copy, `<hex>.verified` says that it is whole and when it
 * was used last. What else a name ends in belongs to the process whose id it names.
 */

/** Copies that stay though nobody uses them: what a rollback or the next evaluation asks for again is at hand. */
const KEPT_UNUSED = 8;

const COPY = /^[0-9a-f]{64}$/;
const UNFINISHED = /\.(?:tmp|verified|evicted)-(\d+)$/;

/** The name of an artifact's copy. */
export function copyOf(cacheDir: string, digest: Digest): string {
  return join(cacheDir, digest.slice('sha256:'.length));
}

/** Removes what a process left behind when it died in the middle of a fetch. To be called before the first fetch. */
export async function removeLeftovers(cacheDir: string): Promise<void> {
  const names = await readdir(cacheDir).catch((error: unknown) => noneIfAbsent(error));
  const left = names.filter((name) => {
    const pid = UNFINISHED.exec(name)?.[1];
    return pid !== undefined && (Number(pid) === process.pid || !isAlive(Number(pid)));
  });
  await Promise.all(left.map((name) => rm(join(cacheDir, name), { recursive: true, force: true })));
}

/**
 * Removes the copies that have not been used for longest.
 * @param inUse artifacts whose copies stay, those included that are being fetched
 */
export async function evictUnused(cacheDir: string, inUse: Iterable<Digest>): Promise<void> {
  const used = new Set([...inUse].map((digest) => copyOf(cacheDir, digest)));
  const unused = copiesIn(cacheDir)
    .filter((copy) => !used.has(copy))
    .map((copy) => ({ copy, usedAt: usedAt(copy) }))
    .sort((a, b) => b.usedAt - a.usedAt)
    .slice(KEPT_UNUSED);
  // Out of the way at once: whoever asks from now on fetches anew, and nobody is given a copy that is going.
  const evicted = unused.map(({ copy }) => {
    rmSync(`${copy}.verified`, { force: true });
    renameSync(copy, `${copy}.evicted-${process.pid}`);
    return `${copy}.evicted-${process.pid}`;
  });
  await Promise.all(evicted.map((copy) => rm(copy, { recursive: true, force: true })));
}

function copiesIn(cacheDir: string): string[] {
  try {
    return readdirSync(cacheDir)
      .filter((name) => COPY.test(name))
      .map((name) => join(cacheDir, name));
  } catch (error) {
    return noneIfAbsent(error);
  }
}

function usedAt(copy: string): number {
  return statSync(`${copy}.verified`, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function noneIfAbsent(error: unknown): string[] {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
  throw error;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
