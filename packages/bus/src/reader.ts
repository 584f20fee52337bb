import { ConclaveError, messageOf } from '@conclave/contracts';
import { createReader, deleteReader, readerProgress, type StartAt } from './consumers.ts';
import { asConclaveError, isRefused, type Native, pause } from './native.ts';
import type { Follower } from './ports/journal.ts';
import { PullInterrupted, type StreamMessage, startPull } from './pull.ts';

const RETRY_MS = 200;
const RECONNECT_POLL_MS = 100;
const BATCH = 256;

export interface ReaderOptions {
  readonly stream: string;
  readonly filters: readonly string[];
  readonly start: StartAt;
  /** All that has arrived by now, in order; the next ones wait. A rejection ends the reader. */
  onMessages(messages: readonly StreamMessage[]): void | Promise<void>;
  onCaughtUp?: (() => void) | undefined;
  onError(error: unknown): void;
}

/**
 * Follows a stream in order, without gap or duplicate.
 *
 * 1. A message is handed on only if its consumer sequence is the next one expected and its stream sequence is above `lastSeq`.
 * 2. After anything else (hole, silence, lost consumer, reconnect) the consumer is thrown away and a new one starts at `lastSeq + 1`.
 * 3. `lastSeq` grows only after the handler has ended. It begins again at 0 only with a bucket that did, for readers of last values.
 * 4. While the handler works the next messages are fetched, at most `BATCH` beyond those that wait.
 * 5. It has caught up when nothing is pending any more: by delivery, or because what was pending expired or was replaced before it came.
 */
export function followStream(native: Native, options: ReaderOptions): Follower {
  return new StreamReader(native, options);
}

class StreamReader implements Follower {
  lastSeq = 0;
  caughtUp = false;
  lastActivityAt = performance.now();
  readonly #native: Native;
  readonly #options: ReaderOptions;
  readonly #stopping = new AbortController();
  readonly #done: Promise<void>;
  #toCatchUp: number | undefined;
  #expected = 1;

  constructor(native: Native, options: ReaderOptions) {
    this.#native = native;
    this.#options = options;
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      if (!this.#native.isConnected() && !this.#native.nc.isClosed()) {
        await pause(RECONNECT_POLL_MS, signal);
        continue;
      }
      try {
        await this.#followOnce(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof HandlerFailed || isRefused(error) || error instanceof ConclaveError) {
          const reason =
            error instanceof HandlerFailed ? error.cause : asConclaveError(error, `follow ${this.#options.stream}`);
          this.#options.onError(reason);
          return;
        }
        if (this.#native.nc.isClosed()) {
          this.#options.onError(asConclaveError(error, `follow ${this.#options.stream}`));
          return;
        }
        this.#native.logger.info(
          { stream: this.#options.stream, lastSeq: this.lastSeq, reason: messageOf(error) },
          'reader starts again',
        );
        await pause(RETRY_MS, signal);
      }
    }
  }

  async #followOnce(signal: AbortSignal): Promise<void> {
    const { stream, filters, start } = this.#options;
    await this.#checkTruncation(stream);
    const from = this.lastSeq > 0 ? { seq: this.lastSeq + 1 } : start;
    const consumer = await createReader(this.#native, stream, filters, from);
    this.#expected = 1;
    this.#toCatchUp ??= consumer.pending;
    this.#noteProgress(consumer.pending);
    const arrivals = new Arrivals((messages) => this.#handle(messages), signal);
    try {
      while (!signal.aborted) {
        await this.#pullOnce(consumer.name, arrivals, signal);
        await arrivals.room();
      }
    } finally {
      await arrivals.idle();
      deleteReader(this.#native, stream, consumer.name);
    }
  }

  /**
   * A stream shorter than what was read from it has lost messages or is another stream: no writer may go on. Last values only ever show the
   * present and are read anew: their bucket may begin again at 1 when the server crashed just as the last of them expired.
   */
  async #checkTruncation(stream: string): Promise<void> {
    if (this.lastSeq === 0) return;
    const { state } = await this.#native.jsm.streams.info(stream);
    if (state.last_seq >= this.lastSeq) return;
    if (this.#options.start === 'last-per-subject') {
      this.lastSeq = 0;
      return;
    }
    throw new ConclaveError(
      'CVE_JOURNAL_CORRUPT',
      `${stream} ends at ${state.last_seq} but ${this.lastSeq} was read from it; it was truncated or replaced: restore it, then restart this service`,
    );
  }

  async #pullOnce(consumer: string, arrivals: Arrivals, signal: AbortSignal): Promise<void> {
    const pull = startPull(this.#native, {
      stream: this.#options.stream,
      consumer,
      batch: BATCH,
      expiresMs: 5000,
      heartbeatMs: 1000,
      onActivity: () => {
        this.lastActivityAt = performance.now();
      },
      onMessage: (message) => {
        if (message.consumerSeq === this.#expected) {
          this.#expected++;
          arrivals.add(message);
        } else
          arrivals.fail(new PullInterrupted(`delivery ${message.consumerSeq} came where ${this.#expected} was due`));
      },
      onIdle: () => {
        if (!this.caughtUp) arrivals.afterwards(() => this.#askProgress(consumer));
      },
    });
    const cancel = (): void => void pull.cancel();
    arrivals.onFailure = cancel;
    signal.addEventListener('abort', cancel, { once: true });
    const interruption: unknown = await pull.ended.then(
      () => undefined,
      (error: unknown) => error,
    );
    signal.removeEventListener('abort', cancel);
    if (interruption !== undefined) await arrivals.idle();
    arrivals.throwFailure();
    if (interruption !== undefined) throw interruption;
  }

  /** Without a delivery nothing would ever say that there is nothing left to deliver. */
  async #askProgress(consumer: string): Promise<void> {
    try {
      const { pending, delivered } = await readerProgress(this.#native, this.#options.stream, consumer);
      if (delivered < this.#expected) this.#noteProgress(pending);
    } catch {
      // The next idle heartbeat asks again.
    }
  }

  async #handle(messages: readonly StreamMessage[]): Promise<void> {
    const fresh = messages.filter(({ streamSeq }) => streamSeq > this.lastSeq);
    const last = fresh.at(-1);
    if (last !== undefined) {
      try {
        await this.#options.onMessages(fresh);
      } catch (error) {
        throw new HandlerFailed('the handler failed', { cause: error });
      }
      this.lastSeq = last.streamSeq;
      this.lastActivityAt = performance.now();
      if (this.#toCatchUp !== undefined) this.#toCatchUp -= fresh.length;
    }
    this.#noteProgress(messages.at(-1)?.pending ?? 0);
  }

  #noteProgress(pending: number): void {
    if (this.caughtUp || (pending > 0 && (this.#toCatchUp ?? 1) > 0)) return;
    this.caughtUp = true;
    this.#options.onCaughtUp?.();
  }
}

class HandlerFailed extends Error {}

/** Messages that have arrived and wait for the handler, which gets all of them at once. */
class Arrivals {
  readonly #handle: (messages: readonly StreamMessage[]) => Promise<void>;
  readonly #signal: AbortSignal;
  #waiting: StreamMessage[] = [];
  #working: Promise<void> | undefined;
  /** The handler's present call. */
  #turn: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;
  /** Called when the handler has failed: nothing more will be handled. */
  onFailure: () => void = () => {};

  constructor(handle: (messages: readonly StreamMessage[]) => Promise<void>, signal: AbortSignal) {
    this.#handle = handle;
    this.#signal = signal;
  }

  add(message: StreamMessage): void {
    this.#waiting.push(message);
    this.#working ??= this.#work();
  }

  fail(error: unknown): void {
    this.#failure ??= { error };
    this.onFailure();
  }

  /** Runs when what has arrived by now is handled. */
  afterwards(task: () => Promise<void>): void {
    void (this.#working ?? Promise.resolve()).then(task);
  }

  /** Resolves when no more than a batch waits. */
  async room(): Promise<void> {
    while (this.#waiting.length > BATCH && this.#working !== undefined && this.#failure === undefined) await this.#turn;
  }

  /** Resolves when nothing waits and the handler has ended. */
  async idle(): Promise<void> {
    await this.#working;
  }

  throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #work(): Promise<void> {
    // What came with the same packet is handed over together.
    await Promise.resolve();
    while (this.#waiting.length > 0 && this.#failure === undefined && !this.#signal.aborted) {
      const messages = this.#waiting;
      this.#waiting = [];
      this.#turn = this.#handle(messages).catch((error: unknown) => this.fail(error));
      await this.#turn;
    }
    this.#working = undefined;
  }
}

/** Reads the stored messages of `filters` from `start` until sequence `until`, oldest first. @throws CVE_BUS_UNAVAILABLE after `deadlineMs` */
export async function readRange(
  native: Native,
  options: { stream: string; filters: readonly string[]; start: StartAt; until: number; deadlineMs?: number },
): Promise<StreamMessage[]> {
  const messages: StreamMessage[] = [];
  const end = Promise.withResolvers<void>();
  const seen = (seq: number): void => {
    if (seq >= options.until) end.resolve();
  };
  const reader = followStream(native, {
    ...options,
    onMessages: (arrived) => {
      for (const message of arrived) {
        if (message.streamSeq <= options.until) messages.push(message);
        seen(message.streamSeq);
      }
    },
    onError: end.reject,
  });
  const deadlineMs = options.deadlineMs ?? 30_000;
  const timer = setTimeout(
    () =>
      end.reject(
        new ConclaveError(
          'CVE_BUS_UNAVAILABLE',
          `${options.stream} could not be read up to ${options.until} in ${deadlineMs} ms; is NATS running?`,
        ),
      ),
    deadlineMs,
  );
  try {
    await end.promise;
  } finally {
    clearTimeout(timer);
    await reader.stop();
  }
  return messages;
}

/** A handler of one message at a time. */
export function eachMessage(
  handle: (message: StreamMessage) => void | Promise<void>,
): (messages: readonly StreamMessage[]) => Promise<void> {
  return async (messages) => {
    for (const message of messages) await handle(message);
  };
}
