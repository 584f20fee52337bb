import type { Journal } from '@conclave/bus';
import { type Aggregate, entryOf } from '@conclave/contracts';
import { rolloutsOf, type World } from '@conclave/core';
import type { WorldFollower } from '../world-follower.ts';
import type { StateSource } from './state-source.ts';

/**
 * The followed world as what a writer decides from. It drops models and registrations once they say nothing more, so who decides without
 * them decides rightly. A dropped incident did say something, and nothing is written behind what is not known any more.
 */
export function worldSource(
  journal: Pick<Journal, 'lastSeq'>,
  follower: Pick<WorldFollower, 'world' | 'waitForSeq'>,
): StateSource<World> {
  return {
    get state() {
      return follower.world;
    },
    seqOf(aggregate, told) {
      const isDroppedEmpty = aggregate.kind === 'rollouts' || aggregate.kind === 'models';
      return Math.max(seqIn(follower.world, aggregate), isDroppedEmpty ? told : 0);
    },
    get unread() {
      return follower.world.unread;
    },
    async upToDate() {
      await follower.waitForSeq(await journal.lastSeq());
    },
    upTo: (seq) => follower.waitForSeq(seq),
    add: ({ seq }) => follower.waitForSeq(seq),
  };
}

/** Sequence of the last commit of an aggregate that the world includes. */
function seqIn(world: World, { kind, id }: Aggregate): number {
  switch (kind) {
    case 'schedule':
      return world.schedule.seq;
    case 'roadmap':
      return world.roadmap.seq;
    case 'rollouts':
      return rolloutsOf(world, id).seq;
    case 'models':
      return entryOf(world.registry, id)?.seq ?? 0;
    case 'incidents':
      return entryOf(world.incidents, id)?.seq ?? 0;
    case 'meetings':
      return entryOf(world.meetings, id)?.seq ?? 0;
    case 'actions':
      return entryOf(world.actions, id)?.seq ?? 0;
    case 'evaluations':
      return entryOf(world.evaluations, id)?.seq ?? 0;
  }
}
