import { copyFile, mkdir, mkdtemp, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Digest, QueryLine } from '@conclave/contracts';
import { readQueries } from './dataset.ts';

/** Where datasets come from: the object store. */
interface ArtifactSource {
  fetchDirectory(digest: Digest, cacheDir: string): Promise<string>;
}

/** Datasets whose queries stay at hand. */
const KEPT = 8;

/**
 * The queries of a stored dataset. Of the dataset, which may be large, only they are kept.
 * @param cacheDir holds one folder a dataset, those that were used last
 * @throws CVE_ARTIFACT_UNKNOWN, CVE_ARTIFACT_DIGEST_MISMATCH, CVE_DATASET_INVALID
 */
export async function fetchQueries(source: ArtifactSource, dataset: Digest, cacheDir: string): Promise<QueryLine[]> {
  const kept = join(cacheDir, dataset.slice('sha256:'.length));
  const now = new Date();
  const isKept = await utimes(kept, now, now).then(
    () => true,
    () => false,
  );
  if (!isKept) await keepQueries(source, dataset, cacheDir, kept);
  return readQueries(kept);
}

/** A folder appears with its content or not at all: another process may be looking for it. */
async function keepQueries(source: ArtifactSource, dataset: Digest, cacheDir: string, kept: string): Promise<void> {
  await mkdir(cacheDir, { recursive: true });
  const work = await mkdtemp(join(tmpdir(), 'conclave-queries-'));
  const draft = await mkdtemp(join(cacheDir, '.draft-'));
  try {
    const whole = await source.fetchDirectory(dataset, work);
    await copyFile(join(whole, 'queries.jsonl'), join(draft, 'queries.jsonl'));
    await rename(draft, kept).catch(async (error: unknown) => {
      if ((await stat(kept).catch(() => undefined)) === undefined) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
    await rm(draft, { recursive: true, force: true });
  }
  await forgetOldest(cacheDir);
}

async function forgetOldest(cacheDir: string): Promise<void> {
  const names = (await readdir(cacheDir)).filter((name) => /^[0-9a-f]{64}$/.test(name));
  const usedAt = async (name: string) => (await stat(join(cacheDir, name)).catch(() => undefined))?.mtimeMs ?? 0;
  const copies = await Promise.all(names.map(async (name) => ({ name, at: await usedAt(name) })));
  const old = copies.sort((a, b) => b.at - a.at).slice(KEPT);
  await Promise.all(old.map(({ name }) => rm(join(cacheDir, name), { recursive: true, force: true })));
}
