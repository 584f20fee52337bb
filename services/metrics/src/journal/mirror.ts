import type { Follower, FollowOptions, Journal } from '@conclave/bus';
import { type Commit, subjects } from '@conclave/contracts';
import { foldWorld, initialWorld, type World } from '@conclave/core';
import { type CommitCounter, type CommitCounts, startCounting } from './commit-counts.ts';
import { type ReadableCommit, readable } from './readable.ts';

const KEPT_COMMITS = 2000;

/** The journal folded in memory, with its latest commits in readable form. */
export class JournalMirror {
  #world: World = initialWorld();
  readonly #counts: CommitCounter = startCounting();
  readonly #recent: ReadableCommit[] = [];
  readonly #listeners = new Set<(commit: ReadableCommit) => void>();

  get world(): World {
    return this.#world;
  }

  get counts(): CommitCounts {
    return this.#counts;
  }

  /** The latest commits, oldest first, without gaps in the sequence. */
  get recent(): readonly ReadableCommit[] {
    return this.#recent;
  }

  /** @throws CVE_JOURNAL_UNKNOWN_EVENT: the reader must halt. */
  apply(commit: Commit): void {
    const next = foldWorld(this.#world, commit);
    if (next === this.#world) return;
    this.#counts.count(commit, this.#world);
    this.#world = next;
    const line = readable(commit);
    this.#recent.push(line);
    if (this.#recent.length > KEPT_COMMITS) this.#recent.shift();
    for (const listener of this.#listeners) listener(line);
  }

  /** Calls `listener` with each commit from now on, until the returned function is called. */
  onCommit(listener: (commit: ReadableCommit) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Follows the journal from its beginning. `onError` means that it has stopped. */
  follow(journal: Journal, options: Pick<FollowOptions, 'onCaughtUp' | 'onError'>): Follower {
    return journal.follow({ ...options, filters: [subjects.journalAll], onCommit: (commit) => this.apply(commit) });
  }
}
