import { createHash } from 'node:crypto';
import { FrequentKeys } from './frequent-keys.ts';

/** Requests of one key before it can be taken for frequent. */
const FEW = 8;
/** Beyond so many requests the band no longer widens: a long quiet past is no credit for a rush. */
const WIDEST_AT = 10_000;

/**
 * Splits the live requests of one stage on one runner. With `s` the asked share, `n` the requests so far and sd = sqrt(n s (1 - s))
 * the standard deviation of a fair coin (n counted up to 10,000):
 * 1. Whatever the keys, and whoever chooses them, the candidate gets at least s n - 3 sd - 1 and at most s n + 3 sd + 1 requests.
 * 2. Requests with one key stay on one version, as long as the key makes no more than half of the smaller side's share of the requests and
 *    the keys together keep the share within two sd. A frequent key is spread: each of its requests is drawn on its own. Where many
 *    keys fall to one side together, the limit moves, and with it the keys beside it.
 * 3. A request without a key is drawn.
 */
export class Split {
  readonly #model: string;
  readonly #share: number;
  readonly #random: () => number;
  readonly #keys = new FrequentKeys();
  #requests = 0;
  /** Requests that the candidate got beyond its share; below 0 what it lacks. */
  #excess = 0;

  /** @param random uniform in [0, 1). Default `Math.random` */
  constructor(model: string, share: number, random: () => number = Math.random) {
    this.#model = model;
    this.#share = share;
    this.#random = random;
  }

  /** Decides for one request, and counts it. @returns true when it goes to the candidate */
  toCandidate(key: string | undefined): boolean {
    const count = this.#keys.add(key);
    const drawn = key === undefined || this.#isFrequent(count);
    const point = drawn ? this.#random() : splitPoint(this.#model, key);
    const taken = point < this.#limit();
    this.#count(1, taken);
    return taken;
  }

  /** Undoes what was counted for a request that no version could answer: it is no part of the measured split. */
  takeBack(toCandidate: boolean): void {
    this.#count(-1, toCandidate);
  }

  /** The share of the requests, 0 to 1, that carried the key seen most often. */
  get dominantKey(): number {
    return this.#keys.dominance;
  }

  #count(sign: 1 | -1, toCandidate: boolean): void {
    this.#requests += sign;
    this.#excess += sign * ((toCandidate ? 1 : 0) - this.#share);
  }

  #isFrequent(count: number): boolean {
    const most = Math.min(this.#share, 1 - this.#share) / 2;
    return count >= FEW && count > most * this.#keys.total;
  }

  /** Points below it go to the candidate: the share itself, less the more the candidate got beyond chance, and more the more it lacks. */
  #limit(): number {
    const share = this.#share;
    if (share >= 1) return 1;
    const sd = Math.sqrt(Math.min(this.#requests, WIDEST_AT) * share * (1 - share));
    const beyond = Math.abs(this.#excess) - 2 * sd;
    if (beyond <= 0) return share;
    const part = sd === 0 ? 1 : Math.min(1, beyond / sd);
    return this.#excess > 0 ? share * (1 - part) : share + (1 - share) * part;
  }
}

/**
 * Where a key falls in [0, 1): uniform over keys, the same for a key on every runner and at any time, so a rising share adds keys and
 * moves hardly one back to stable.
 * @param model salts the hash, so that one client is not the first to meet the candidates of every model
 */
export function splitPoint(model: string, key: string): number {
  return createHash('sha256').update(`${model}\0${key}`).digest().readUIntBE(0, 6) / 2 ** 48;
}
