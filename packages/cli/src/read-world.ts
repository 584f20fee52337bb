import { type Bus, openJournal, openMembership } from '@conclave/bus';
import {
  type Commit,
  foldWorld,
  initialWorld,
  type RunnerStatus,
  runnerStatus,
  subjects,
  type World,
} from '@conclave/contracts';

/** The state now: the journal folded from its beginning to its end. @throws CVE_JOURNAL_UNKNOWN_EVENT, CVE_BUS_UNAVAILABLE */
export async function readWorld(bus: Bus): Promise<World> {
  let world = initialWorld();
  const caughtUp = Promise.withResolvers<void>();
  const follower = openJournal(bus, { by: 'conclave-cli' }).follow({
    filters: [subjects.journalAll],
    onCommit: (commit: Commit) => {
      world = foldWorld(world, commit);
    },
    onCaughtUp: () => caughtUp.resolve(),
    onError: (error) => caughtUp.reject(error),
  });
  try {
    await caughtUp.promise;
  } finally {
    await follower.stop();
  }
  return world;
}

/** The runners that report themselves; a status of another version is left out. */
export async function readRunners(bus: Bus): Promise<RunnerStatus[]> {
  const all = await openMembership(bus).all();
  return [...all.values()].flatMap((value) => {
    const parsed = runnerStatus.safeParse(value);
    return parsed.success ? [parsed.data] : [];
  });
}
