import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';

const CHECKOUT = resolve(import.meta.dirname, '../../..');
const packageFile = z.object({ version: z.string() });

export interface Version {
  readonly version: string;
  /** The checkout's commit, `-dirty` with changes; null where git knows none. */
  readonly commit: string | null;
}

/** The version of this checkout. */
export function readVersion(): Version {
  const { version } = packageFile.parse(JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8')));
  return { version, commit: readCommit() };
}

function readCommit(): string | null {
  try {
    // A folder that was copied into another project's checkout must not show that one's commit.
    if (resolve(git('rev-parse', '--show-toplevel')) !== CHECKOUT) return null;
    return git('describe', '--always', '--dirty', '--abbrev=12', '--exclude=*');
  } catch {
    return null;
  }
}

function git(...args: readonly string[]): string {
  return execFileSync('git', args, { cwd: CHECKOUT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
}
