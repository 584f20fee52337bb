import {
  type Bus,
  type Follower,
  followTelemetry,
  type Quarantined,
  type Snapshots,
  telemetryEnd,
} from '@conclave/bus';
import { ConclaveError, subjects, telemetryWindow, zodMessage } from '@conclave/contracts';
import { openRollout, type World } from '@conclave/core';
import type { Clock } from '@conclave/service';
import { z } from 'zod';
import { BOOK_VERSION, type BookState, bookState, type StoredWindow } from './book-state.ts';
import { type TelemetryBook, telemetryBook } from './telemetry-book.ts';

/** The evidence from telemetry, which every replica keeps from its start on, so that who takes over has nothing to read again. */
export interface EvidenceFollower extends Pick<TelemetryBook, 'of'>, Pick<Follower, 'lastActivityAt'> {
  /** False while windows are read again that could not be kept: a verdict on a part of them would look like a change. */
  readonly isWhole: boolean;
  /** Calls the listener after each window. @returns what ends that */
  onWindow(listener: () => void): () => void;
  /** Resolves when everything is counted that the stream holds now. @throws CVE_BUS_UNAVAILABLE */
  catchUp(): Promise<void>;
  /** @throws CVE_BUS_UNAVAILABLE */
  saveSnapshot(): Promise<void>;
  stop(): Promise<void>;
}

export interface EvidenceParts {
  readonly bus: Bus;
  readonly snapshots: Snapshots;
  /** Read to the end of the journal. */
  readonly follower: { readonly world: World };
  readonly clock: Clock;
  readonly longestPauseSeconds: number;
  /** As in `BookOptions`. */
  readonly mostWaiting?: number;
  /** Told of each message that does not count: on every replica, and again where the stream is read again. */
  onQuarantined(message: Quarantined): void;
  readonly log: Record<'info' | 'warn' | 'error', (fields: object, message: string) => void>;
}

const SNAPSHOT = 'evidence';
/** The stream's times are the server's, a stage's the leader's: by so much they may differ, in milliseconds. */
const CLOCKS_DIFFER_MS = 600_000;

const snapshotState = z.object({
  /** When the stream was made that the book was read from. */
  created: z.string(),
  /** What a window counts as depends on it. */
  longestPauseSeconds: z.number(),
  book: bookState,
});

/** Follows the telemetry from the newest snapshot of the evidence that fits, else from the start of the oldest stage that is open. */
export async function followEvidence(parts: EvidenceParts): Promise<EvidenceFollower> {
  const { created, lastSeq } = await telemetryEnd(parts.bus);
  const from = await loadBook(parts, created, lastSeq);
  return new StandbyBook(parts, created, lastSeq, from);
}

class StandbyBook implements EvidenceFollower {
  readonly #parts: EvidenceParts;
  readonly #created: string;
  readonly #waiters = new Set<{ readonly seq: number; resolve(): void; reject(error: unknown): void }>();
  readonly #listeners = new Set<() => void>();
  #book: TelemetryBook;
  #reader: Follower;
  /** Everything is counted that was stored when the reader started. */
  #isRead = false;
  #restarting: Promise<void> | undefined;
  #ended: { readonly error: unknown } | undefined;

  /** @param end sequence of a message that the stream held, or has held, just now */
  constructor(parts: EvidenceParts, created: string, end: number, from: BookState | undefined) {
    this.#parts = parts;
    this.#created = created;
    [this.#book, this.#reader] = this.#read(end, from);
  }

  get lastActivityAt(): number {
    return this.#reader.lastActivityAt;
  }

  get isWhole(): boolean {
    return this.#isRead && !this.#book.isGapped;
  }

  of(model: string): ReturnType<TelemetryBook['of']> {
    const stage = this.#book.of(model);
    if (this.#book.isGapped) this.#readAgain();
    return stage;
  }

  onWindow(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async catchUp(): Promise<void> {
    const { lastSeq } = await telemetryEnd(this.#parts.bus);
    if (this.#ended !== undefined) throw this.#ended.error;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiters.add({ seq: lastSeq, resolve, reject });
    this.#answerWaiters();
    await promise;
  }

  async saveSnapshot(): Promise<void> {
    if (!this.isWhole) return;
    const { snapshots, follower, longestPauseSeconds } = this.#parts;
    const book = this.#book.state();
    const state: z.infer<typeof snapshotState> = { created: this.#created, longestPauseSeconds, book };
    await snapshots.save(SNAPSHOT, { seq: follower.world.seq, foldVersion: BOOK_VERSION, state });
  }

  async stop(): Promise<void> {
    this.#end(new ConclaveError('CVE_CANCELLED', 'the telemetry is not followed any more'));
    await this.#restarting;
    await this.#reader.stop();
  }

  #read(end: number, from: BookState | undefined): [TelemetryBook, Follower] {
    const { bus, follower, clock, longestPauseSeconds, mostWaiting, log, onQuarantined } = this.#parts;
    const passOver = ({ seq, storedAt, window }: StoredWindow, reason: string): void => {
      const subject = subjects.telemetry(window.model, window.version);
      const bytes = new TextEncoder().encode(JSON.stringify(window));
      onQuarantined({ stream: 'telemetry', seq, subject, storedAt, reason, bytes });
    };
    const most = mostWaiting === undefined ? {} : { mostWaiting };
    const book = telemetryBook(() => follower.world, { longestPauseSeconds, ...most, onPassedOver: passOver }, from);
    const take = (seq: number, stored?: StoredWindow): void => {
      if (stored === undefined) book.pass(seq);
      else book.add(stored);
      if (book.isGapped) this.#readAgain();
      else this.#answerWaiters();
      if (stored !== undefined) for (const listener of this.#listeners) listener();
    };
    const reader = followTelemetry(bus, {
      filter: subjects.telemetryAll,
      sinceIso: new Date(oldestStageStart(follower.world, clock.now()) - CLOCKS_DIFFER_MS).toISOString(),
      afterSeq: from?.position,
      onMessage(json, { seq, subject, storedAt }) {
        const parsed = telemetryWindow.safeParse(json);
        take(seq, parsed.success ? { seq, storedAt, window: parsed.data } : undefined);
        if (parsed.success) return;
        const bytes = new TextEncoder().encode(JSON.stringify(json));
        const reason = `it is no telemetry window: ${zodMessage(parsed.error, json)}`;
        onQuarantined({ stream: 'telemetry', seq, subject, storedAt, reason, bytes });
      },
      onQuarantined(message) {
        take(message.seq);
        onQuarantined(message);
      },
      onCaughtUp: () => {
        this.#isRead = true;
        // What the stream holds up to there and was not delivered is older than every stage.
        take(end);
      },
      onError: (error) => {
        log.error({ err: error }, 'the telemetry is not followed any more');
        this.#end(error);
      },
    });
    return [book, reader];
  }

  /** Windows had found no room until their stage began: they are still in the stream. */
  #readAgain(): void {
    if (this.#ended !== undefined) return;
    this.#restarting ??= this.#restart().finally(() => {
      this.#restarting = undefined;
    });
  }

  async #restart(): Promise<void> {
    this.#isRead = false;
    await this.#reader.stop();
    if (this.#ended !== undefined) return;
    // The old reader may have caught up while it stopped.
    this.#isRead = false;
    this.#parts.log.info({}, 'the telemetry of the open stages is read again: not all that came before one found room');
    [this.#book, this.#reader] = this.#read(this.#book.position, undefined);
  }

  #answerWaiters(): void {
    for (const waiter of this.#waiters) {
      if (!this.isWhole || this.#book.position < waiter.seq) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }

  #end(error: unknown): void {
    this.#ended ??= { error };
    for (const waiter of this.#waiters) waiter.reject(error);
    this.#waiters.clear();
  }
}

/** The book of the newest snapshot, if it was read from this very stream, as books are read now. */
async function loadBook(parts: EvidenceParts, created: string, lastSeq: number): Promise<BookState | undefined> {
  const { snapshots, log, longestPauseSeconds } = parts;
  const snapshot = await snapshots.load(SNAPSHOT);
  if (snapshot === undefined || snapshot.foldVersion !== BOOK_VERSION) return undefined;
  const parsed = snapshotState.safeParse(snapshot.state);
  const reason = parsed.success
    ? misfit(parsed.data, { created, lastSeq, longestPauseSeconds })
    : zodMessage(parsed.error, snapshot.state);
  if (reason === undefined) return parsed.data?.book;
  log.warn({ reason }, 'the snapshot of the evidence is passed over; the telemetry of the open stages is read');
  return undefined;
}

function misfit(
  { created, longestPauseSeconds, book }: z.infer<typeof snapshotState>,
  now: { created: string; lastSeq: number; longestPauseSeconds: number },
): string | undefined {
  if (created !== now.created)
    return `it was read from a stream made at ${created}, this one was made at ${now.created}`;
  if (book.position > now.lastSeq)
    return `it was read up to message ${book.position}, and the stream ends at ${now.lastSeq}`;
  if (longestPauseSeconds !== now.longestPauseSeconds)
    return `pauses of more than ${longestPauseSeconds} s interrupted a soak then, now those of more than ${now.longestPauseSeconds} s`;
  return undefined;
}

/** When the oldest stage that is open was entered, else now; milliseconds since the epoch. */
function oldestStageStart(world: World, now: Date): number {
  const starts = Object.values(world.rollouts).flatMap((state) => openRollout(state)?.enteredAt ?? []);
  return Math.min(now.getTime(), ...starts.map((at) => Date.parse(at)));
}
