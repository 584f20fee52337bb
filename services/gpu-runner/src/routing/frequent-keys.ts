/** Keys counted at a time: whoever makes more than one in so many of the requests is among them. */
const COUNTED = 255;
/** Of fewer requests nothing is said about how they are distributed. */
const ENOUGH = 20;
/** Requests after which all counts are halved, so that a key that was frequent long ago is forgotten. */
const HALVE_AFTER = 20_000;

/**
 * Counts how often keys occur, in little memory however many there are (Misra & Gries 1982): a count is too low by at most one in 256
 * of the total, and never too high.
 */
export class FrequentKeys {
  #counts = new Map<string, number>();
  #total = 0;

  /** Requests seen, older ones for half. */
  get total(): number {
    return this.#total;
  }

  /** One more request; undefined for one without a key. @returns how often the key was seen, this time included */
  add(key: string | undefined): number {
    this.#total++;
    if (this.#total >= HALVE_AFTER) this.#halve();
    if (key === undefined) return 0;
    const count = this.#counts.get(key);
    if (count !== undefined || this.#counts.size < COUNTED) {
      this.#counts.set(key, (count ?? 0) + 1);
      return (count ?? 0) + 1;
    }
    this.#lessen((one) => one - 1);
    return 0;
  }

  /** The share of all requests, 0 to 1, that carried the key seen most often; 0 while they are few. */
  get dominance(): number {
    return this.#total < ENOUGH ? 0 : Math.max(0, ...this.#counts.values()) / this.#total;
  }

  #halve(): void {
    this.#total /= 2;
    this.#lessen((one) => one / 2);
  }

  #lessen(change: (count: number) => number): void {
    this.#counts = new Map([...this.#counts].map(([key, count]) => [key, change(count)] as const).filter(atLeastHalf));
  }
}

function atLeastHalf([, count]: readonly [string, number]): boolean {
  return count >= 0.5;
}
