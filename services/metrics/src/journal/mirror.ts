import type { Commit } from '@conclave/contracts';
import { foldWorld, initialWorld, type World } from '@conclave/core';
import { type ReadableCommit, readable } from './readable.ts';

const KEPT_COMMITS = 2000;

/** The journal folded in memory, with its latest commits in readable form: the world, and beside it nothing but those. */
export class JournalMirror {
  readonly #world: World;
  readonly #recent: Commit[] = [];
  readonly #listeners = new Set<(commit: ReadableCommit) => void>();

  /** @param world one that is followed, whose commits are shown as they come; of an empty journal when left out */
  constructor(world: World = initialWorld()) {
    this.#world = world;
  }

  get world(): World {
    return this.#world;
  }

  /** Sequence from which on the mirror has every commit; before it only the journal has them. */
  get firstSeq(): number {
    return this.#recent[0]?.seq ?? this.#world.seq + 1;
  }

  /** Its commits from a sequence on, oldest first. */
  from(seq: number): ReadableCommit[] {
    return this.#recent.filter((commit) => commit.seq >= seq).map(readable);
  }

  /** Folds a commit and shows it. One that was folded before changes nothing. */
  apply(commit: Commit): void {
    if (commit.seq <= this.#world.seq) return;
    foldWorld(this.#world, commit);
    this.show(commit);
  }

  /** Shows a commit that the world already includes. */
  show(commit: Commit): void {
    this.#recent.push(commit);
    if (this.#recent.length > KEPT_COMMITS) this.#recent.shift();
    // Words only for those who read them: of a million commits at the start nobody does.
    if (this.#listeners.size === 0) return;
    const line = readable(commit);
    for (const listener of this.#listeners) listener(line);
  }

  /** Calls `listener` with each commit from now on, until the returned function is called. */
  onCommit(listener: (commit: ReadableCommit) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
