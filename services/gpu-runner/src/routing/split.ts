import { createHash } from 'node:crypto';

/**
 * Where a key falls in [0, 1): uniform over keys, the same for a key on every runner and at any time. A request goes to the
 * candidate when its point is below the share, so a rising share only adds keys and never moves one back to stable.
 * @param model salts the hash, so that one client is not the first to meet the candidates of every model
 */
export function splitPoint(model: string, key: string): number {
  return createHash('sha256').update(`${model}\0${key}`).digest().readUIntBE(0, 6) / 2 ** 48;
}
