import type { Aggregate, Commit } from '@conclave/contracts';
import type { UnreadCommit } from '@conclave/core';

/** What a writer decides from: the fold of one aggregate, read on demand, or the followed world. */
export interface StateSource<S> {
  /** As last brought up to date. */
  readonly state: S;
  /**
   * Sequence of the last commit of an aggregate that the state includes; 0 for none.
   * @param told the last commit by what a conflict told, 0 without one: of what a state has dropped only that tells it
   */
  seqOf(aggregate: Aggregate, told: number): number;
  /** By `aggregateKey`, the first commit of an aggregate that this version could not read. */
  readonly unread: Readonly<Record<string, UnreadCommit>>;
  /** Resolves when the state includes everything that was in the journal when this was called. */
  upToDate(): Promise<void>;
  /** Resolves when the state includes the commit at a sequence, which is in the journal. */
  upTo(seq: number): Promise<void>;
  /** The same for a commit that the writer itself has stored, right behind what the state includes of that aggregate. */
  add(commit: Commit): Promise<void>;
}
