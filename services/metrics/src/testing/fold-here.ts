import type { Commit } from '@conclave/contracts';
import { foldWorld, initialWorld } from '@conclave/core';
import type { FollowedWorld } from '../journal/mirror.ts';

/** A followed world without a server: `apply` is a commit that arrives. */
export function foldHere(): FollowedWorld & { apply(commit: Commit): void } {
  const world = initialWorld();
  const listeners = new Set<(commit: Commit) => void>();
  return {
    world,
    onCommit(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    apply(commit) {
      if (commit.seq <= world.seq) return;
      foldWorld(world, commit);
      for (const listener of listeners) listener(commit);
    },
  };
}
