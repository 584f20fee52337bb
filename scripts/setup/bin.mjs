import { mkdirSync, realpathSync, renameSync, symlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import { binDir } from './layout.mjs';

/**
 * Points .cache/bin/<name> at the target. The link is relative, so that a moved checkout keeps working, and replaced in one step, so that a
 * reader never finds it missing.
 */
export function linkBinary(name, target) {
  mkdirSync(binDir, { recursive: true });
  const next = join(binDir, `.${name}.${process.pid}`);
  symlinkSync(relative(binDir, target), next);
  renameSync(next, join(binDir, name));
}

/** The file .cache/bin/<name> stands for, or undefined when it is absent or dangling. */
export function linkedBinary(name) {
  try {
    return realpathSync(join(binDir, name));
  } catch {
    return undefined;
  }
}
