import type { Journal, Lease } from '@conclave/bus';
import type { WorldFollower } from '@conclave/service';

/**
 * One term of leadership. The lease says whether it lasts, the epoch tells it from every other: it is one above the last on record, and
 * taken by appending to `schedule`, so no two terms have the same. The lease's fence would not do: it is a revision of a bucket that
 * may be made anew, and then begins at 1 below what the journal and the runners have seen.
 */
export interface Term {
  readonly lease: Lease;
  readonly epoch: number;
}

/** The epoch of a term that begins now. */
export async function nextEpoch(journal: Journal, follower: WorldFollower): Promise<number> {
  await follower.waitForSeq(await journal.lastSeq());
  return follower.world.schedule.leaderEpoch + 1;
}
