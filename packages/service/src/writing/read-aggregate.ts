import type { Journal } from '@conclave/bus';
import {
  type Aggregate,
  type AggregateKind,
  type Commit,
  type EventOfKind,
  parseCommit,
  readCommit,
} from '@conclave/contracts';
import { aggregateKey, type UnreadCommit } from '@conclave/core';
import type { StateSource } from './state-source.ts';

/** How one aggregate becomes a state. */
export interface AggregateFold<K extends AggregateKind, S> {
  readonly initial: S;
  readonly fold: (state: S, commit: Commit<EventOfKind[K]>) => S;
  /**
   * What to do at a commit that this version cannot read. `refuse`, for whoever decides on the aggregate: reading throws
   * CVE_JOURNAL_UNKNOWN_EVENT. `pass_over`, for whoever shows, counts, or takes back what is known whatever else there is: it changes
   * nothing but the place in the journal, and is noted as `unread`.
   */
  readonly unread: 'refuse' | 'pass_over';
}

/** The fold of one aggregate as far as it has been read. */
export interface AggregateState<K extends AggregateKind, S> extends StateSource<S> {
  readonly aggregate: Aggregate<K>;
}

/**
 * The state of one aggregate as the journal has it now.
 * @throws CVE_JOURNAL_UNKNOWN_EVENT as `how.unread` says; CVE_BUS_UNAVAILABLE
 */
export async function readAggregate<K extends AggregateKind, S>(
  journal: Pick<Journal, 'read'>,
  aggregate: Aggregate<K>,
  how: AggregateFold<K, S>,
): Promise<S> {
  return (await openAggregate(journal, aggregate, how)).state;
}

/** The same, to be brought up to date again, and to write from (`writeAggregate`). @throws as `readAggregate` */
export async function openAggregate<K extends AggregateKind, S>(
  journal: Pick<Journal, 'read'>,
  aggregate: Aggregate<K>,
  how: AggregateFold<K, S>,
): Promise<AggregateState<K, S>> {
  const own = newAggregate(journal, aggregate, how);
  await own.upToDate();
  return own;
}

/** The same of which nothing is read yet: its first append expects that there is no commit. */
export function newAggregate<K extends AggregateKind, S>(
  journal: Pick<Journal, 'read'>,
  aggregate: Aggregate<K>,
  { initial, fold, unread: atUnread }: AggregateFold<K, S>,
): AggregateState<K, S> {
  let state = initial;
  let seq = 0;
  let unread: Readonly<Record<string, UnreadCommit>> = {};

  const include = (commit: Commit): void => {
    // Two reads at once have the same commits.
    if (commit.seq <= seq) return;
    const reading = readCommit(aggregate.kind, commit);
    if (reading.unread !== undefined && atUnread === 'refuse') parseCommit(aggregate.kind, commit);
    if (reading.unread !== undefined)
      unread = { [aggregateKey(aggregate)]: { seq: commit.seq, type: reading.unread.type }, ...unread };
    state = fold(state, reading.unread === undefined ? reading.commit : { ...commit, events: [] });
    ({ seq } = commit);
  };
  const read = async (): Promise<void> => {
    for (const commit of await journal.read(aggregate, { afterSeq: seq })) include(commit);
  };

  return {
    aggregate,
    get state() {
      return state;
    },
    get unread() {
      return unread;
    },
    seqOf: () => seq,
    upToDate: read,
    async upTo(wanted) {
      if (wanted > seq) await read();
    },
    async add(commit) {
      // As a reader will have it.
      include({ ...commit, events: JSON.parse(JSON.stringify(commit.events)) });
    },
  };
}
