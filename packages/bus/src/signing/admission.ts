import type { AggregateKind } from '@conclave/contracts';

/*
 * Which messages of the journal count as commits, by what was stored before them. Signatures are checked elsewhere (commit-seal.ts); what
 * is left is that a good commit counts once and in its place:
 *
 * 1. A commit that expects sequence n counts only right behind message n of its subject: what is stored again, by whomever, is somewhere
 *    else. Every message of a subject is one behind which the next stands, also one that does not count: writers go on behind it.
 * 2. A commit that expects nothing counts once.
 * 3. Both need what was stored lately only, because a commit that was signed more than `FRESH_COMMITS` before it was stored does not count
 *    at all. So what is kept here has a bound, and every reader comes to the same answer, wherever it began.
 */

/** How many messages may be stored between what a writer had read when it signed and its commit. */
export const FRESH_COMMITS = 20_000;

/** Kinds with few aggregates that live for ever: their last message is always known. */
const KEPT: ReadonlySet<AggregateKind> = new Set(['schedule', 'rollouts', 'models', 'roadmap']);

/** What a claim to be a commit says of itself. */
export interface Claimed {
  readonly kind: AggregateKind;
  readonly subject: string;
  readonly seq: number;
  readonly expectedSeq: number | 'any';
  /** Last sequence of the journal that its writer had heard of. */
  readonly readSeq: number;
  /** Digest of what was signed. */
  readonly digest: string;
}

export interface AdmissionState {
  /** Last message of each subject that lives for ever. */
  readonly kept: Readonly<Record<string, number>>;
  /** Last message of each other subject that had one lately. */
  readonly heads: Readonly<Record<string, number>>;
  /** Commits without expectation, by digest. */
  readonly unexpected: Readonly<Record<string, number>>;
}

/** Follows the subjects of a journal, or some of them, from their beginning or from a state. */
export class Admission {
  readonly #fresh: number;
  readonly #heads: Map<string, number>;
  readonly #kept: Map<string, number>;
  readonly #unexpected: Map<string, number>;

  constructor(state?: AdmissionState, freshCommits = FRESH_COMMITS) {
    this.#fresh = freshCommits;
    this.#kept = new Map(Object.entries(state?.kept ?? {}));
    this.#heads = new Map(Object.entries(state?.heads ?? {}));
    this.#unexpected = new Map(Object.entries(state?.unexpected ?? {}));
  }

  /** Notes a message of the journal that is no commit: the next one stands behind it all the same. */
  pass(subject: string, seq: number, kind: AggregateKind | undefined): void {
    if (kind === undefined) return;
    if (KEPT.has(kind)) {
      this.#kept.set(subject, seq);
      return;
    }
    // Deleted first: the map stays in the order of sequences, and what is too old to matter stands in front.
    this.#heads.delete(subject);
    this.#heads.set(subject, seq);
    this.#forget(this.#heads, seq);
  }

  /** Undefined when it counts, else why not. Either way the message is noted. */
  admit({ kind, subject, seq, expectedSeq, readSeq, digest }: Claimed): string | undefined {
    const before = this.#headOf(subject, seq);
    const replayed = expectedSeq === 'any' && this.#unexpected.has(digest);
    this.pass(subject, seq, kind);
    if (readSeq >= seq) return `it says that its writer had read ${readSeq}, which was not stored yet`;
    if (seq - readSeq > this.#fresh) return `it was signed ${seq - readSeq} messages before it was stored`;
    if (expectedSeq === 'any') {
      if (replayed) return 'it was stored before';
      this.#unexpected.set(digest, seq);
      this.#forget(this.#unexpected, seq);
      return undefined;
    }
    if (before !== undefined && before !== expectedSeq)
      return `it was signed for the place behind ${expectedSeq}, and stands behind ${before}`;
    return undefined;
  }

  state(): AdmissionState {
    return {
      kept: Object.fromEntries(this.#kept),
      heads: Object.fromEntries(this.#heads),
      unexpected: Object.fromEntries(this.#unexpected),
    };
  }

  #headOf(subject: string, seq: number): number | undefined {
    const kept = this.#kept.get(subject);
    if (kept !== undefined) return kept;
    const head = this.#heads.get(subject);
    return head === undefined || seq - head > this.#fresh ? undefined : head;
  }

  #forget(map: Map<string, number>, seq: number): void {
    for (const [key, at] of map) {
      if (seq - at <= this.#fresh) return;
      map.delete(key);
    }
  }
}
