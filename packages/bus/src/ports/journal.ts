import type { Aggregate, Commit, RawEvent } from '@conclave/contracts';
import type { AdmissionState } from '../signing/admission.ts';
import type { Quarantined } from './quarantined.ts';

export interface AppendOptions {
  /** The writer's fencing token (lease revision), stored in the commit. */
  readonly fence?: number | undefined;
  /** Milliseconds to go on trying while the outcome is unknown. Default 30 000. */
  readonly deadlineMs?: number | undefined;
}

export interface FollowOptions {
  /** Journal subjects, e.g. `subjects.journalKind('rollouts')`. */
  readonly filters: readonly string[];
  /** First sequence to deliver. Default 1: everything. */
  readonly fromSeq?: number | undefined;
  /** Where `fromSeq` stands: what a follower of the same filters that had read everything before it told as its `position`. */
  readonly position?: JournalPosition | undefined;
  /** Called one commit at a time; the next waits for the promise. A rejection goes to `onError` and stops the follower. */
  onCommit(commit: Commit): void | Promise<void>;
  /** A message that is no commit: unsigned, forged, stored again, or none of ours. Everybody passes over it. */
  onQuarantined?(message: Quarantined): void | Promise<void>;
  /** Called once, when everything stored at the time of starting has been delivered (at once for an empty journal). */
  onCaughtUp?(): void;
  /** A commit that cannot be handled: the follower has stopped. A lost connection is no error, it resumes by itself. */
  onError(error: unknown): void;
}

/** What tells, beside the sequence, which of the next messages count (signing/admission.ts). JSON-safe. */
export type JournalPosition = AdmissionState;

/** A reader of the journal. */
export interface JournalFollower extends Follower {
  /** Of everything handled so far. */
  readonly position: JournalPosition;
}

/** A running reader of a stream. */
export interface Follower {
  /** Sequence of the last message delivered and handled; 0 for none. */
  readonly lastSeq: number;
  /** True once everything stored at the time of starting has been handled. */
  readonly caughtUp: boolean;
  /** `performance.now()` of the last message or idle heartbeat: proves that it is receiving. */
  readonly lastActivityAt: number;
  /** Stops delivering; resolves when a running handler has ended. */
  stop(): Promise<void>;
}

/** Where an append's commit is. */
export interface Stored {
  readonly seq: number;
  /**
   * True when it was there already, by an earlier attempt or by another writer that names its events alike: it has these ids, and the
   * content that was stored first. Other commits may have come before it.
   */
  readonly isFound?: true;
}

/** The journal: one stream, one subject per aggregate, one total order (invariants: journal.ts). */
export interface Journal {
  /**
   * Stores events as one commit.
   * @param expectedSeq stream sequence of the last commit seen on that aggregate, 0 for none, `any` for no expectation.
   * @returns the commit's stream sequence, also when this very commit (the same event ids) was stored by an earlier attempt (`isFound`).
   * @throws JournalConflict (CVE_JOURNAL_CONFLICT) when another commit came first; CVE_JOURNAL_OUTCOME_UNKNOWN when no answer
   * came within `deadlineMs`; CVE_MESSAGE_TOO_LARGE over 512 KB; CVE_UNAUTHORIZED when this user may not write the aggregate or has no key.
   */
  append(
    aggregate: Aggregate,
    expectedSeq: number | 'any',
    events: readonly RawEvent[],
    options?: AppendOptions,
  ): Promise<Stored>;
  /** All commits of an aggregate after `afterSeq` (default 0, else the sequence of one of its commits), oldest first. */
  read(aggregate: Aggregate, options?: { afterSeq?: number }): Promise<Commit[]>;
  /** Sequence of the last message on the aggregate's subject, whether it counts or not; 0 if there is none. */
  head(aggregate: Aggregate): Promise<number>;
  /** Last sequence of the whole stream. */
  lastSeq(): Promise<number>;
  /** Delivers commits in order, without gap or duplicate, through reconnects and server restarts, until stopped. */
  follow(options: FollowOptions): JournalFollower;
}

/** A fold's state at a sequence. */
export interface Snapshot {
  readonly seq: number;
  /** Version of the fold that made it; a reader ignores another one. */
  readonly foldVersion: number;
  readonly state: unknown;
}

/** Snapshots bound the replay; any of them may vanish. */
export interface Snapshots {
  /** Undefined when there is none, when it cannot be read, or when it is ahead of the journal, which then is another one. */
  load(name: string): Promise<Snapshot | undefined>;
  /** The one before stays readable until this one is whole. @throws CVE_MESSAGE_TOO_LARGE over 16 MB compressed; CVE_BUS_UNAVAILABLE */
  save(name: string, snapshot: Snapshot): Promise<void>;
}
