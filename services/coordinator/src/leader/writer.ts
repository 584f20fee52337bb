import type { Journal } from '@conclave/bus';
import { ConclaveError } from '@conclave/contracts';
import { type WorldFollower, type WorldWriter, writeWorld } from '@conclave/service';
import type { Term } from './term.ts';

/**
 * The leader's only way to the journal. Nothing is appended past the lease's deadline; a leader that slept through it conflicts besides,
 * because its successor has written to `schedule` and to every rollout. Commits throw CVE_LEASE_LOST too.
 */
export function leaderWriter(journal: Journal, follower: WorldFollower, { lease, epoch }: Term): WorldWriter {
  return writeWorld(journal, follower, {
    fence: epoch,
    guard() {
      if (lease.isHeld()) return;
      throw new ConclaveError(
        'CVE_LEASE_LOST',
        `${lease.holder} no longer leads (epoch ${epoch}); ask again, another replica takes over`,
      );
    },
  });
}
