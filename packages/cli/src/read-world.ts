import { setTimeout as pause } from 'node:timers/promises';
import {
  type Bus,
  type Journal,
  type Membership,
  openJournal,
  openMembership,
  openSeats,
  openSnapshots,
  type Quarantined,
} from '@conclave/bus';
import {
  type AggregateKind,
  aggregates,
  type Commit,
  ConclaveError,
  type RunnerStatus,
  runnerStatus,
  seatingReport,
  subjects,
} from '@conclave/contracts';
import {
  foldRollouts,
  type HeardRunner,
  initialRollouts,
  type RolloutsState,
  RUNNER_SILENT_MS,
  type Seating,
  seatingOf,
  type World,
} from '@conclave/core';
import { followWorld, readAggregate, type WorldFollower } from '@conclave/service';

/** Longest silence of a server that is being read from, in milliseconds. */
const SILENCE_MS = 10_000;
/** Longer than the second in which a runner reports itself again. */
const LISTEN_MS = 1500;

/**
 * The state now: the journal folded from the newest snapshot, or its beginning, to its end.
 * @throws CVE_BUS_UNAVAILABLE when nothing came for `silenceMs`; CVE_CONFIG_INVALID when the keyring is that of another installation
 */
export async function readWorld(bus: Bus, silenceMs = SILENCE_MS): Promise<World> {
  const follower = await followWorldNow(bus, silenceMs);
  await follower.stop();
  return follower.world;
}

/** Follows the journal, caught up with its present end. @throws as `readWorld` */
export async function followWorldNow(
  bus: Bus,
  silenceMs = SILENCE_MS,
  onError: (error: unknown) => void = () => {},
): Promise<WorldFollower> {
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  const follower = await followWorld({
    journal: openJournal(bus, { by: 'conclave-cli' }),
    snapshots: openSnapshots(bus),
    onError(error) {
      failed.reject(error);
      onError(error);
    },
  });
  const listening = setInterval(
    () => {
      if (performance.now() - follower.lastActivityAt > silenceMs)
        failed.reject(unreadable(`the journal after #${follower.world.seq}`, silenceMs));
    },
    Math.min(250, silenceMs),
  );
  try {
    await Promise.race([follower.ready(), failed.promise]);
    const { schedule, quarantine } = follower.world;
    if (schedule.seq === 0 && Object.keys(follower.world.registry).length === 0) checkKeyring(quarantine.messages);
    return follower;
  } catch (error) {
    await follower.stop();
    throw error;
  } finally {
    clearInterval(listening);
  }
}

/** With the keyring of another installation nothing would be on record, which is not so. */
function checkKeyring([message]: readonly Pick<Quarantined, 'seq' | 'reason'>[]): void {
  if (message === undefined) return;
  throw new ConclaveError(
    'CVE_CONFIG_INVALID',
    `nothing in this journal counts by the keyring used here (#${message.seq}: ${message.reason}); name the keyring of this installation: CONCLAVE_KEYRING_FILE, or --state for a local stack`,
  );
}

/**
 * Hands over every commit of some kinds, from the journal's beginning to its end.
 * @throws CVE_BUS_UNAVAILABLE when nothing came for `silenceMs`; whatever `onCommit` throws
 */
export async function readThrough(
  bus: Bus,
  kinds: 'all' | readonly AggregateKind[],
  onCommit: (commit: Commit) => void,
  silenceMs = SILENCE_MS,
): Promise<void> {
  let seq = 0;
  const ended = Promise.withResolvers<void>();
  const passedOver: Quarantined[] = [];
  const follower = openJournal(bus, { by: 'conclave-cli' }).follow({
    filters: kinds === 'all' ? [subjects.journalAll] : kinds.map(subjects.journalKind),
    onCommit: (commit: Commit) => {
      onCommit(commit);
      seq = commit.seq;
      silence.refresh();
    },
    onQuarantined(message) {
      if (seq === 0) passedOver.push(message);
      silence.refresh();
    },
    onCaughtUp: () => ended.resolve(),
    onError: (error) => ended.reject(error),
  });
  const silence = setTimeout(() => ended.reject(unreadable(`the journal after #${seq}`, silenceMs)), silenceMs);
  try {
    await ended.promise;
    if (seq === 0) checkKeyring(passedOver);
  } finally {
    clearTimeout(silence);
    await follower.stop();
  }
}

/** The rollouts of one model as the journal has them now. What this version cannot read of them is passed over. @throws CVE_BUS_UNAVAILABLE */
export function readRollouts(journal: Pick<Journal, 'read'>, model: string): Promise<RolloutsState> {
  const how = { initial: initialRollouts(model), fold: foldRollouts, unread: 'pass_over' } as const;
  return readAggregate(journal, aggregates.rollouts(model), how);
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
  const all = await readAll(openMembership(bus), 'the list of runners', silenceMs);
  return all.flatMap((value) => {
    const parsed = runnerStatus.safeParse(value);
    return parsed.success ? [parsed.data] : [];
  });
}

/** Who sits in the chairs, as their services report it; a report of another version is left out. @throws CVE_BUS_UNAVAILABLE when nothing came for `silenceMs` */
export async function readSeating(bus: Bus, silenceMs = SILENCE_MS): Promise<Seating> {
  const all = await readAll(openSeats(bus), 'the list of agents', silenceMs);
  return seatingOf(
    all.flatMap((value) => {
      const parsed = seatingReport.safeParse(value);
      return parsed.success ? [parsed.data] : [];
    }),
  );
}

async function readAll(members: Membership, what: string, silenceMs: number): Promise<unknown[]> {
  const silent = Promise.withResolvers<never>();
  const silence = setTimeout(() => silent.reject(unreadable(what, silenceMs)), silenceMs);
  try {
    const all = await Promise.race([members.all(), silent.promise]);
    return [...all.values()];
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
