import { type Aggregate, type Commit, ConclaveError, entryOf } from '@conclave/contracts';
import { type Shelf, shelve } from './shelves.ts';

/*
 * An event of a later version. Folds go on without it; what it is about is noted, and whoever must decide on exactly that refuses.
 * Everybody who only shows or counts says that something is missing.
 */

/** The first commit of an aggregate that this version could not read; what the aggregate was before it still stands. */
export interface UnreadCommit {
  readonly seq: number;
  /** Type of the event that could not be read. */
  readonly type: string;
}

/** What was read, with what was not: a world. */
interface Read {
  /** By `aggregateKey`. */
  readonly unread: Readonly<Record<string, UnreadCommit>>;
}

const KEPT_UNREAD = 1000;

/** `rollouts/search`, `meetings/<id>`; `schedule` and `roadmap` stand alone. */
export function aggregateKey({ kind, id }: Aggregate): string {
  return id === '' ? kind : `${kind}/${id}`;
}

/** The first commit of an aggregate that could not be read; undefined when all could. */
export function unreadOf({ unread }: Read, aggregate: Aggregate): UnreadCommit | undefined {
  return entryOf(unread, aggregateKey(aggregate));
}

/**
 * For whoever must decide on an aggregate.
 * @throws CVE_JOURNAL_UNKNOWN_EVENT when the journal has something about it that this version cannot read
 */
export function refuseUnread(world: Read, aggregate: Aggregate): void {
  const unread = unreadOf(world, aggregate);
  if (unread === undefined) return;
  throw new ConclaveError(
    'CVE_JOURNAL_UNKNOWN_EVENT',
    `${sayUnread(aggregateKey(aggregate), unread)}; nothing is decided on it here: upgrade this service`,
  );
}

/** `commit 12 of rollouts/search has event rollout.frozen, which this version cannot read` */
export function sayUnread(key: string, { seq, type }: UnreadCommit): string {
  return `commit ${seq} of ${key} has event ${type}, which this version cannot read`;
}

/** Every aggregate with something unread, oldest first. */
export function allUnread({ unread }: Read): (UnreadCommit & { readonly key: string })[] {
  return Object.entries(unread)
    .map(([key, commit]) => ({ key, ...commit }))
    .sort((a, b) => a.seq - b.seq);
}

/** Notes an unread commit in place. Those of models and of the schedule, on which there are decisions, stay however many there are. */
export function noteUnread(unread: Record<string, UnreadCommit>, shelf: Shelf, commit: Commit, type: string): Shelf {
  const key = aggregateKey(commit.aggregate);
  if (Object.hasOwn(unread, key)) return shelf;
  return shelve(unread, shelf, key, { seq: commit.seq, type }, KEEPING);
}

const KEEPING = {
  limit: KEPT_UNREAD,
  isOver: () => true,
  needed: (all: ReadonlyMap<string, UnreadCommit>) =>
    new Set([...all.keys()].filter((key) => !key.includes('/') || key.startsWith('rollouts/'))),
};
