import { setTimeout as pause } from 'node:timers/promises';
import { type Bus, openJournal, openMembership } from '@conclave/bus';
import {
  type Commit,
  ConclaveError,
  foldWorld,
  type HeardRunner,
  initialWorld,
  RUNNER_SILENT_MS,
  type RunnerStatus,
  runnerStatus,
  subjects,
  type World,
} from '@conclave/contracts';

/** Longest silence of a server that is being read from, in milliseconds. */
const SILENCE_MS = 10_000;
/** Longer than the second in which a runner reports itself again. */
const LISTEN_MS = 1500;

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

/**
 * The runners that report themselves, and how long ago. One whose clock seems to stand in the past is listened to for another second:
 * its clock may only differ from this one's.
 * @throws CVE_BUS_UNAVAILABLE when nothing came for `silenceMs`
 */
export async function hearRunners(bus: Bus, silenceMs = SILENCE_MS): Promise<HeardRunner[]> {
  const ageOf = ({ at }: RunnerStatus): number => Math.max(0, Date.now() - Date.parse(at));
  const first = await readRunners(bus, silenceMs);
  if (first.every((status) => ageOf(status) <= RUNNER_SILENT_MS))
    return first.map((status) => ({ status, silentMs: ageOf(status) }));
  await pause(LISTEN_MS);
  return (await readRunners(bus, silenceMs)).map((status) => {
    const before = first.find(({ runner }) => runner === status.runner);
    return { status, silentMs: before?.at === status.at ? ageOf(status) : 0 };
  });
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
