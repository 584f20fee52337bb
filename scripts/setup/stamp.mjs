import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir } from './layout.mjs';

const stampPath = (step) => join(cacheDir, 'stamps', step);

/** A hash over everything a step's result depends on. */
export function fingerprint(...inputs) {
  const hash = createHash('sha256');
  for (const input of inputs) hash.update(`${Buffer.byteLength(input)}:`).update(input);
  return hash.digest('hex');
}

/** Whether the step was last completed with exactly these inputs. */
export function isStamped(step, inputs) {
  try {
    return readFileSync(stampPath(step), 'utf8') === inputs;
  } catch {
    return false;
  }
}

/** Records that the step is complete for these inputs. */
export function stamp(step, inputs) {
  mkdirSync(join(cacheDir, 'stamps'), { recursive: true });
  writeFileSync(stampPath(step), inputs);
}
