import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Work is done, dead or uncertain long before. */
const KEPT_MS = 30 * 86_400_000;

/**
 * Deletes the markers of calls made long ago. `announced` goes first: with it alone a script that was started would pass for one that
 * never was, whereas without it nobody vouches for the call and it is not made again.
 */
export async function forgetOldMarkers(markerDir: string, now: Date, keptMs = KEPT_MS): Promise<void> {
  const names = await readdir(markerDir);
  for (const kind of ['.announced', '.started']) {
    for (const name of names.filter((each) => each.endsWith(kind))) {
      const file = join(markerDir, name);
      const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: now.getTime() }));
      if (now.getTime() - mtimeMs > keptMs && (kind === '.announced' || !(await isAnnounced(file)))) {
        await rm(file, { force: true });
      }
    }
  }
}

async function isAnnounced(started: string): Promise<boolean> {
  return await stat(started.replace(/started$/, 'announced')).then(
    () => true,
    () => false,
  );
}
