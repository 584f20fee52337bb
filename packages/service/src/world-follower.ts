import type { Journal, JournalFollower, JournalPosition, Quarantined, Snapshots } from '@conclave/bus';
import { type Commit, ConclaveError, subjects } from '@conclave/contracts';
import { foldPassedOver, foldWorld, initialWorld, WORLD_FOLD_VERSION, type World } from '@conclave/core';

/** A live fold of the whole journal. */
export interface WorldFollower {
  readonly world: World;
  readonly caughtUp: boolean;
  /** `performance.now()` of the last commit or idle heartbeat. */
  readonly lastActivityAt: number;
  /** Called after each commit with the world that includes it. Returns a function that stops it. */
  onCommit(listener: (commit: Commit, world: World) => void): () => void;
  /** Resolves when everything stored at the time of starting is folded. */
  ready(): Promise<void>;
  /** Resolves when the world includes the commit. @throws CVE_REQUEST_UNANSWERED after `timeoutMs`. */
  waitForSeq(seq: number, timeoutMs?: number): Promise<void>;
  /** Resolves with the first defined answer over the present and later worlds. @throws CVE_TOOL_TIMEOUT, CVE_CANCELLED */
  waitFor<T>(
    select: (world: World) => T | undefined,
    options: { timeoutMs: number; signal?: AbortSignal; what: string },
  ): Promise<T>;
  /** Stores the world as a snapshot, so that the next start replays less. */
  saveSnapshot(): Promise<void>;
  stop(): Promise<void>;
}

export interface FollowWorldOptions {
  readonly journal: Journal;
  readonly snapshots?: Snapshots | undefined;
  /** A message that everybody passes over; the world notes it. */
  onQuarantined?(message: Quarantined): void;
  /** An event that this version cannot read: the service must halt. */
  onError(error: unknown): void;
}

/** A version of the fold has a snapshot of its own: two versions that run side by side leave each other's alone. */
const SNAPSHOT = `world-${WORLD_FOLD_VERSION}`;

/** Follows the journal into a World, from the newest snapshot if there is one. */
export async function followWorld({
  journal,
  snapshots,
  onQuarantined,
  onError,
}: FollowWorldOptions): Promise<WorldFollower> {
  const start = await loadWorld(snapshots);
  let world = start?.world ?? initialWorld();
  let caughtUp = false;
  const listeners = new Set<(commit: Commit, world: World) => void>();
  const waiting = new Set<() => void>();
  const ready = Promise.withResolvers<void>();
  const follower: JournalFollower = journal.follow({
    filters: [subjects.journalAll],
    fromSeq: world.seq + 1,
    position: start?.position,
    onCommit(commit) {
      world = foldWorld(world, commit);
      for (const listener of [...listeners]) listener(commit, world);
      for (const check of [...waiting]) check();
    },
    onQuarantined(message) {
      world = foldPassedOver(world, message);
      onQuarantined?.(message);
      for (const check of [...waiting]) check();
    },
    onCaughtUp() {
      caughtUp = true;
      ready.resolve();
    },
    onError,
  });

  const waitFor: WorldFollower['waitFor'] = (select, { timeoutMs, signal, what }) => {
    const present = select(world);
    if (present !== undefined) return Promise.resolve(present);
    const { promise, resolve, reject } = Promise.withResolvers<NonNullable<typeof present>>();
    const stop = (): void => {
      clearTimeout(timer);
      waiting.delete(check);
      signal?.removeEventListener('abort', cancelled);
    };
    const check = (): void => {
      const found = select(world);
      if (found === undefined || found === null) return;
      stop();
      resolve(found);
    };
    const cancelled = (): void => {
      stop();
      reject(new ConclaveError('CVE_CANCELLED', `waiting for ${what} was cancelled`));
    };
    const timer = setTimeout(() => {
      stop();
      reject(new ConclaveError('CVE_TOOL_TIMEOUT', `${what} did not come within ${timeoutMs} ms`));
    }, timeoutMs);
    waiting.add(check);
    signal?.addEventListener('abort', cancelled, { once: true });
    if (signal?.aborted === true) cancelled();
    return promise;
  };

  return {
    get world() {
      return world;
    },
    get caughtUp() {
      return caughtUp;
    },
    get lastActivityAt() {
      return follower.lastActivityAt;
    },
    onCommit(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    ready: () => ready.promise,
    async waitForSeq(seq, timeoutMs = 30_000) {
      await waitFor((w) => (w.seq >= seq ? true : undefined), { timeoutMs, what: `journal commit ${seq}` });
    },
    waitFor,
    async saveSnapshot() {
      const state: WorldSnapshot = { world, position: follower.position };
      await snapshots?.save(SNAPSHOT, { seq: world.seq, foldVersion: WORLD_FOLD_VERSION, state });
    },
    stop: () => follower.stop(),
  };
}

interface WorldSnapshot {
  readonly world: World;
  readonly position: JournalPosition;
}

async function loadWorld(snapshots: Snapshots | undefined): Promise<WorldSnapshot | undefined> {
  const snapshot = await snapshots?.load(SNAPSHOT);
  if (snapshot === undefined || snapshot.foldVersion !== WORLD_FOLD_VERSION) return undefined;
  // The snapshot was written by this very fold version; JSON keeps undefined fields out, which folds treat alike.
  return isWorldSnapshot(snapshot.state) ? snapshot.state : undefined;
}

/** The coordinator has signed it, so it is what this fold version wrote. */
function isWorldSnapshot(state: unknown): state is WorldSnapshot {
  return (
    typeof state === 'object' &&
    state !== null &&
    'position' in state &&
    'world' in state &&
    typeof state.world === 'object' &&
    state.world !== null &&
    'seq' in state.world
  );
}
