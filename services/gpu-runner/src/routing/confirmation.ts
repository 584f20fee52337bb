import type { DesiredConfirmation } from '@conclave/contracts';

/** After a stall, confirmations may be old ones that waited in the socket; this long in milliseconds none is trusted. */
const DISTRUST_AFTER_STALL_MS = 1000;

/**
 * Whether the desired state that a runner acts on is confirmed by the leader. Invariants:
 * 1. Only a confirmation of exactly the sequence that this runner has applied counts. A higher one shows that the runner is
 *    behind: it counts from the moment the runner catches up, not before.
 * 2. A lower sequence or leader epoch than the highest heard comes from a leader of the past and is ignored.
 * 3. A process that was frozen for longer than the timeout trusts nothing it hears right after it wakes.
 * Times are monotonic milliseconds, passed in.
 */
export class Confirmation {
  readonly #timeoutMs: number;
  #ownSeq = 0;
  #highestSeq = 0;
  #highestEpoch = 0;
  #highestHeardAt: number | undefined;
  #confirmedAt: number | undefined;
  #seenAt: number | undefined;
  #distrustUntil = Number.NEGATIVE_INFINITY;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** The runner has applied the rollout's commits up to `seq`. */
  applied(seq: number, now: number): void {
    this.#see(now);
    this.#ownSeq = seq;
    if (seq === this.#highestSeq && this.#highestHeardAt !== undefined) this.#confirmedAt = this.#highestHeardAt;
  }

  /** A confirmation arrived. */
  hear({ seq, leaderEpoch }: DesiredConfirmation, now: number): void {
    this.#see(now);
    if (seq < this.#highestSeq || leaderEpoch < this.#highestEpoch || now < this.#distrustUntil) return;
    this.#highestSeq = seq;
    this.#highestEpoch = leaderEpoch;
    this.#highestHeardAt = now;
    if (seq === this.#ownSeq) this.#confirmedAt = now;
  }

  /** True while the last confirmation is younger than the timeout. To be asked several times within it. */
  isConfirmed(now: number): boolean {
    this.#see(now);
    return this.#confirmedAt !== undefined && now - this.#confirmedAt < this.#timeoutMs;
  }

  #see(now: number): void {
    if (this.#seenAt !== undefined && now - this.#seenAt > this.#timeoutMs) {
      this.#distrustUntil = now + DISTRUST_AFTER_STALL_MS;
      this.#confirmedAt = undefined;
      this.#highestHeardAt = undefined;
    }
    this.#seenAt = now;
  }
}
