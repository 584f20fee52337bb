import type { Journal } from '@conclave/bus';
import { JournalConflict } from '@conclave/bus';
import { type Aggregate, ConclaveError, type RawEvent } from '@conclave/contracts';
import { refuseUnread, rolloutsOf, type World } from '@conclave/core';
import type { WorldFollower } from '@conclave/service';
import type { Term } from './term.ts';

/*
 * The leader's only way to the journal.
 * 1. One append at a time, each decided from a world that includes the one before.
 * 2. Each is decided anew after a conflict, from a world that includes the other's commit.
 * 3. Nothing is appended past the lease's deadline; a leader that slept through it conflicts besides, because its
 *    successor has written to `schedule` and to every rollout.
 */
export interface LeaderWriter {
  /**
   * Appends what `decide` returns; nothing for an empty list.
   * @param options `evenUnread`: also on an aggregate of which this version cannot read something, because nothing of it is decided on
   * @throws CVE_LEASE_LOST, CVE_JOURNAL_UNKNOWN_EVENT, and whatever `decide` throws
   */
  commit(
    aggregate: Aggregate,
    decide: (world: World) => readonly RawEvent[],
    options?: { readonly evenUnread?: boolean },
  ): Promise<readonly RawEvent[]>;
  /** Resolves when the world includes everything that was in the journal when this was called. */
  catchUp(): Promise<void>;
}

const MAX_CONFLICTS = 20;

export function leaderWriter(journal: Journal, follower: WorldFollower, { lease, epoch }: Term): LeaderWriter {
  let last: Promise<unknown> = Promise.resolve();
  const run = async (
    aggregate: Aggregate,
    decide: (world: World) => readonly RawEvent[],
    evenUnread: boolean,
  ): Promise<readonly RawEvent[]> => {
    // Of a model or registration that the world has dropped only the conflict tells the last commit; it is part of that world.
    let dropped = 0;
    for (let attempt = 0; attempt < MAX_CONFLICTS; attempt++) {
      if (!lease.isHeld())
        throw new ConclaveError(
          'CVE_LEASE_LOST',
          `${lease.holder} no longer leads (epoch ${epoch}); ask again, another replica takes over`,
        );
      if (!evenUnread) refuseUnread(follower.world, aggregate);
      const events = decide(follower.world);
      if (events.length === 0) return events;
      try {
        const head = Math.max(headOf(follower.world, aggregate), dropped);
        const { seq } = await journal.append(aggregate, head, events, { fence: epoch });
        await follower.waitForSeq(seq);
        return events;
      } catch (error) {
        if (!(error instanceof JournalConflict)) throw error;
        await follower.waitForSeq(error.actualSeq);
        if (aggregate.kind === 'rollouts' || aggregate.kind === 'models') dropped = error.actualSeq;
      }
    }
    throw new ConclaveError(
      'CVE_JOURNAL_CONFLICT',
      `${aggregate.kind} ${aggregate.id} changed ${MAX_CONFLICTS} times under this writer; is another leader alive?`,
    );
  };
  return {
    commit(aggregate, decide, { evenUnread = false } = {}) {
      const result = last.then(() => run(aggregate, decide, evenUnread));
      last = result.catch(() => undefined);
      return result;
    },
    async catchUp() {
      await follower.waitForSeq(await journal.lastSeq());
    },
  };
}

/** Sequence of the last commit of an aggregate that the world includes. */
export function headOf(world: World, { kind, id }: Aggregate): number {
  switch (kind) {
    case 'schedule':
      return world.schedule.seq;
    case 'roadmap':
      return world.roadmap.seq;
    case 'rollouts':
      return rolloutsOf(world, id).seq;
    case 'models':
      return world.registry[id]?.seq ?? 0;
    case 'incidents':
      return world.incidents[id]?.seq ?? 0;
    case 'meetings':
      return world.meetings[id]?.seq ?? 0;
    case 'actions':
      return world.actions[id]?.seq ?? 0;
    case 'evaluations':
      return world.evaluations[id]?.seq ?? 0;
  }
}
