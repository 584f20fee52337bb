import { realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { ConclaveError } from '@conclave/contracts';

/** A file a tool may touch. */
export interface AllowedPath {
  /** Real path, with no symbolic link in it. */
  readonly path: string;
  readonly exists: boolean;
}

/**
 * Finds `path` inside one of the roots: relative paths are looked for in each, absolute ones must lie in one.
 * What counts is where the path really leads, so a symbolic link cannot lead out.
 * @throws CVE_SCRIPT_FORBIDDEN
 */
export async function allowedPath(path: string, roots: readonly string[]): Promise<AllowedPath> {
  if (path.includes('\0')) throw forbidden(path, 'it contains a zero byte');
  if (roots.length === 0) throw forbidden(path, 'no folder is allowed; list one under executor.scriptRoots');
  let missing: AllowedPath | undefined;
  for (const root of roots) {
    const realRoot = await realpath(root).catch(() => undefined);
    if (realRoot === undefined) continue;
    const found = await realPathOf(isAbsolute(path) ? path : resolve(realRoot, path));
    if (!isInside(found.path, realRoot)) continue;
    if (found.exists) return found;
    missing ??= found;
  }
  if (missing !== undefined) return missing;
  throw forbidden(path, `it leads outside the allowed folders (${roots.join(', ')})`);
}

/** Resolves links as far as the path exists. */
async function realPathOf(path: string): Promise<AllowedPath> {
  const missing: string[] = [];
  for (let existing = path; ; existing = dirname(existing)) {
    const real = await realpath(existing).catch(() => undefined);
    if (real !== undefined) return { path: join(real, ...missing), exists: missing.length === 0 };
    missing.unshift(basename(existing));
  }
}

function isInside(path: string, root: string): boolean {
  const way = relative(root, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function forbidden(path: string, why: string): ConclaveError {
  return new ConclaveError('CVE_SCRIPT_FORBIDDEN', `${JSON.stringify(path)} may not be used: ${why}`);
}
