import { type Bus, type Journal, openJournal, openMembership } from '@conclave/bus';
import {
  aggregates,
  type Commit,
  ConclaveError,
  foldRollouts,
  foldWorld,
  initialRollouts,
  initialWorld,
  parseCommit,
  type RolloutsState,
  type RunnerStatus,
  runnerStatus,
  subjects,
  type World,
} from '@conclave/contracts';

/** Longest silence of a server that is being read from, in milliseconds. */
const SILENCE_MS = 10_000;

/**
 * The state now: the journal folded from its beginning to its end.
 * @throws CVE_JOURNAL_UNKNOWN_EVENT; CVE_BUS_UNAVAILABLE when nothing came for `silenceMs`
 */
export async function readWorld(bus: Bus, silenceMs = SILENCE_MS): Promise<World> {
  let world = initialWorld();
  const caughtUp = Promise.withResolvers<void>();
  const silence = setTimeout(
    () => caughtUp.reject(unreadable(`the journal after #${world.seq}`, silenceMs)),
    silenceMs,
  );
  const follower = openJournal(bus, { by: 'conclave-cli' }).follow({
    filters: [subjects.journalAll],
    onCommit: (commit: Commit) => {
      world = foldWorld(world, commit);
      silence.refresh();
    },
    onCaughtUp: () => caughtUp.resolve(),
    onError: (error) => caughtUp.reject(error),
  });
  try {
    await caughtUp.promise;
  } finally {
    clearTimeout(silence);
    await follower.stop();
  }
  return world;
}

/** The rollouts of one model as the journal has them now. @throws CVE_JOURNAL_UNKNOWN_EVENT, CVE_BUS_UNAVAILABLE */
export async function readRollouts(journal: Pick<Journal, 'read'>, model: string): Promise<RolloutsState> {
  const commits = await journal.read(aggregates.rollouts(model));
  return commits.reduce<RolloutsState>(
    (folded, commit) => foldRollouts(folded, parseCommit('rollouts', commit)),
    initialRollouts(model),
  );
}

/** The runners that report themselves; a status of another version is left out. @throws CVE_BUS_UNAVAILABLE when nothing came for `silenceMs` */
export async function readRunners(bus: Bus, silenceMs = SILENCE_MS): Promise<RunnerStatus[]> {
  const silent = Promise.withResolvers<never>();
  const silence = setTimeout(() => silent.reject(unreadable('the list of runners', silenceMs)), silenceMs);
  try {
    const all = await Promise.race([openMembership(bus).all(), silent.promise]);
    return [...all.values()].flatMap((value) => {
      const parsed = runnerStatus.safeParse(value);
      return parsed.success ? [parsed.data] : [];
    });
  } finally {
    clearTimeout(silence);
  }
}

function unreadable(what: string, silenceMs: number): ConclaveError {
  return new ConclaveError(
    'CVE_BUS_UNAVAILABLE',
    `${what} could not be read, nothing came for ${silenceMs / 1000} s; see whether NATS and a coordinator, which creates the streams, are running`,
  );
}
