/**
 * The one way to the journal for whoever decides what to write.
 *
 * 1. One append at a time, each decided from a state that includes the one before. What a failed append may have left is read first.
 * 2. An append expects the last commit that the state includes. After another writer's commit (a conflict) the state is brought up to date
 *    and it is decided anew, `MOST_CONFLICTS` times; or it is given up at once, where a conflict means that another has taken over.
 *    Messages that do not count are no conflict: the bus stores behind them.
 * 3. A commit with the same event ids is one's own: after an unknown outcome, at a repeated append, or by another writer that names its
 *    events alike. Then what stands in the journal is the record, whoever wrote it, and it is read from there.
 * 4. The guard is asked before deciding and again right before the append; what it throws refuses both.
 * 5. What was committed is in the state when the promise resolves.
 * 6. Nothing is decided on an aggregate of which this version cannot read something, unless the caller decides nothing about it.
 */
import { type Journal, JournalConflict } from '@conclave/bus';
import { type Aggregate, type AggregateKind, ConclaveError, type RawEvent } from '@conclave/contracts';
import { aggregateKey, refuseUnread, type World } from '@conclave/core';
import type { WorldFollower } from '../world-follower.ts';
import type { AggregateState } from './read-aggregate.ts';
import type { StateSource } from './state-source.ts';
import { worldSource } from './world-source.ts';

/** Conflicts over one decision after which something else than other writers must be wrong. */
const MOST_CONFLICTS = 20;

export interface WritePolicy {
  /** Throws where nothing may be written (any more), e.g. CVE_LEASE_LOST. */
  readonly guard?: () => void;
  /** Stored in each commit: the writer's fencing token. */
  readonly fence?: number;
  /** `give_up` throws the JournalConflict. Default `decide_anew`. */
  readonly onConflict?: 'decide_anew' | 'give_up';
}

export interface CommitOptions {
  /** Also on an aggregate of which this version cannot read something, because nothing of it is decided on. */
  readonly evenUnread?: boolean;
  /** Append without expectation: whatever came in between, this holds. The state is read again afterwards. */
  readonly unconditionally?: boolean;
}

/** Events to append, decided from the state; none for nothing to do. Called again after each conflict. */
export type Decide<S> = (state: S) => readonly RawEvent[];

/**
 * A writer of what the world is about.
 * Commits throw CVE_JOURNAL_UNKNOWN_EVENT, CVE_JOURNAL_CONFLICT after `MOST_CONFLICTS`, CVE_JOURNAL_OUTCOME_UNKNOWN, and whatever guard and
 * `decide` throw.
 */
export interface WorldWriter {
  /** Appends what `decide` returns. @returns those events */
  commit(aggregate: Aggregate, decide: Decide<World>, options?: CommitOptions): Promise<readonly RawEvent[]>;
  /** Resolves when the world includes everything that was in the journal when this was called. */
  catchUp(): Promise<void>;
}

/** A writer of one aggregate. Commits throw as a WorldWriter's. */
export interface AggregateWriter<S> {
  readonly state: S;
  commit(decide: Decide<S>, options?: CommitOptions): Promise<readonly RawEvent[]>;
}

export function writeWorld(
  journal: Pick<Journal, 'append' | 'lastSeq'>,
  follower: Pick<WorldFollower, 'world' | 'waitForSeq'>,
  policy: WritePolicy = {},
): WorldWriter {
  const source = worldSource(journal, follower);
  return { commit: committing(journal, source, policy), catchUp: () => source.upToDate() };
}

export function writeAggregate<K extends AggregateKind, S>(
  journal: Pick<Journal, 'append'>,
  own: AggregateState<K, S>,
  policy: WritePolicy = {},
): AggregateWriter<S> {
  const commit = committing(journal, own, policy);
  return {
    get state() {
      return own.state;
    },
    commit: (decide, options) => commit(own.aggregate, decide, options),
  };
}

function committing<S>(
  journal: Pick<Journal, 'append'>,
  source: StateSource<S>,
  { guard = () => {}, fence, onConflict = 'decide_anew' }: WritePolicy,
): (aggregate: Aggregate, decide: Decide<S>, options?: CommitOptions) => Promise<readonly RawEvent[]> {
  let last: Promise<unknown> = Promise.resolve();
  let mayHaveMissed = false;

  const decideAndAppend = async (
    aggregate: Aggregate,
    decide: Decide<S>,
    { evenUnread = false, unconditionally = false }: CommitOptions,
    told: number,
  ): Promise<readonly RawEvent[]> => {
    if (mayHaveMissed) await source.upToDate();
    mayHaveMissed = false;
    guard();
    if (!evenUnread) refuseUnread(source, aggregate);
    const events = decide(source.state);
    if (events.length === 0) return events;
    guard();
    mayHaveMissed = true;
    const expectedSeq = unconditionally ? 'any' : source.seqOf(aggregate, told);
    const { seq, isFound } = await journal.append(aggregate, expectedSeq, events, { fence });
    if (unconditionally) await source.upToDate();
    else if (isFound) await source.upTo(seq);
    // Who wrote it, and when it was stored, is in no fold of one aggregate.
    else await source.add({ aggregate, seq, storedAt: new Date().toISOString(), by: '', fence, events });
    mayHaveMissed = false;
    return events;
  };

  const run = async (aggregate: Aggregate, decide: Decide<S>, options: CommitOptions): Promise<readonly RawEvent[]> => {
    let cause: JournalConflict | undefined;
    for (let conflicts = 0; conflicts < MOST_CONFLICTS; conflicts++) {
      try {
        return await decideAndAppend(aggregate, decide, options, cause?.actualSeq ?? 0);
      } catch (error) {
        if (!(error instanceof JournalConflict) || onConflict === 'give_up') throw error;
        cause = error;
        await source.upTo(error.actualSeq);
        mayHaveMissed = false;
      }
    }
    throw new ConclaveError(
      'CVE_JOURNAL_CONFLICT',
      `${aggregateKey(aggregate)} changed ${MOST_CONFLICTS} times under this writer; who else writes it?`,
      { cause },
    );
  };

  return (aggregate, decide, options = {}) => {
    const result = last.then(() => run(aggregate, decide, options));
    last = result.catch(() => undefined);
    return result;
  };
}
