import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Files of a directory by path. */
export type Files = Readonly<Record<string, string | Uint8Array>>;

/** Does `work` on a directory with these files, which is gone afterwards. */
export function inFolder<T>(files: Files, work: (dir: string) => T): T {
  const dir = mkdtempSync(join(tmpdir(), 'conclave-bundles-'));
  try {
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(dir, name)), { recursive: true });
      writeFileSync(join(dir, name), content);
    }
    return work(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}
