import type { Commit } from '@conclave/contracts';
import type { World } from '@conclave/core';
import { type ReadableCommit, readable } from './readable.ts';

const KEPT_COMMITS = 2000;

/** The journal as somebody else follows it, from a snapshot or its beginning. */
export interface FollowedWorld {
  readonly world: World;
  /** Calls `listener` after each commit, with a world that includes it. */
  onCommit(listener: (commit: Commit) => void): () => void;
}

/** A followed world with its latest commits in readable form: everything that is shown comes of the world, and of nothing but those. */
export class JournalMirror {
  readonly #followed: FollowedWorld;
  readonly #recent: Commit[] = [];
  readonly #listeners = new Set<(commit: ReadableCommit) => void>();

  constructor(followed: FollowedWorld) {
    this.#followed = followed;
    followed.onCommit((commit) => this.#show(commit));
  }

  get world(): World {
    return this.#followed.world;
  }

  /** Sequence from which on the mirror has every commit; before it only the journal has them. */
  get firstSeq(): number {
    return this.#recent[0]?.seq ?? this.world.seq + 1;
  }

  /** Its commits from a sequence on, oldest first. */
  from(seq: number): ReadableCommit[] {
    return this.#recent.filter((commit) => commit.seq >= seq).map(readable);
  }

  /** Calls `listener` with each commit from now on, until the returned function is called. */
  onCommit(listener: (commit: ReadableCommit) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #show(commit: Commit): void {
    this.#recent.push(commit);
    if (this.#recent.length > KEPT_COMMITS) this.#recent.shift();
    // Words only for those who read them: of a million commits at the start nobody does.
    if (this.#listeners.size === 0) return;
    const line = readable(commit);
    for (const listener of this.#listeners) listener(line);
  }
}
