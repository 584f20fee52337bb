/**
 * A durable consumer of work.
 *
 * 1. Each running handler holds exactly one message; nothing is fetched ahead, so nothing waits in a dead process.
 * 2. A message is acknowledged only after its handler resolved. While the handler runs the server is told so every ackWait / 3, and its
 *    confirmation is this consumer's sign of life.
 * 3. A message that cannot succeed (terminal error) or was delivered too often is first stored as a dead letter, then `onDead` runs, then
 *    it is given up. A crash in between repeats these steps, never skips them.
 * 4. A handler that was told to stop hands its message back, however often: such deliveries do not count.
 * 5. A missing durable is made again; it starts with what the stream still holds.
 */
import { ConclaveError, isConclaveError, messageOf } from '@conclave/contracts';
import { createConsumer, filterPolicy } from './consumers.ts';
import { deadLetter } from './dead-letters.ts';
import { type Handbacks, openHandbacks } from './handbacks.ts';
import {
  asConclaveError,
  headerOf,
  headerRecord,
  isPermissionDenied,
  type Native,
  parseJson,
  pause,
} from './native.ts';
import type { Bus } from './ports/connection.ts';
import type { ConsumeOptions, Job, WorkConsumer } from './ports/work.ts';
import { PullInterrupted, type StreamMessage, startPull } from './pull.ts';

const DEFAULTS = { ackWaitMs: 10_000, maxDeliver: 5, backoffMs: 500 } as const;
const MAX_BACKOFF_MS = 30_000;
const GRACE_MS = 5000;
const RETRY_MS = 500;
const RECONNECT_POLL_MS = 100;
/** Longest time between two signs of life of a running handler. */
const PROGRESS_MS = 5000;

export function startConsumer(bus: Bus, native: Native, stream: string, options: ConsumeOptions): WorkConsumer {
  return new Consumer(bus, native, stream, options);
}

class Consumer implements WorkConsumer {
  lastActivityAt = performance.now();
  running = 0;
  readonly #bus: Bus;
  readonly #native: Native;
  readonly #stream: string;
  readonly #options: ConsumeOptions;
  readonly #ackWaitMs: number;
  readonly #handbacks: Handbacks;
  readonly #stopping = new AbortController();
  readonly #abortJobs = new AbortController();
  readonly #slots: Promise<unknown>;
  #creating: Promise<void> | undefined;

  constructor(bus: Bus, native: Native, stream: string, options: ConsumeOptions) {
    this.#bus = bus;
    this.#native = native;
    this.#stream = stream;
    this.#options = options;
    this.#ackWaitMs = options.ackWaitMs ?? DEFAULTS.ackWaitMs;
    this.#handbacks = openHandbacks(native, stream, options.name);
    this.#slots = Promise.all(Array.from({ length: options.concurrency }, () => this.#runSlot()));
  }

  async stop(options: { graceMs?: number } = {}): Promise<void> {
    this.#stopping.abort();
    const timer = setTimeout(() => this.#abortJobs.abort(), options.graceMs ?? GRACE_MS);
    await this.#slots;
    clearTimeout(timer);
  }

  /** All slots share one attempt to create the durable. */
  async #ensureDurable(): Promise<void> {
    this.#creating ??= this.#createDurable();
    const creating = this.#creating;
    try {
      await creating;
    } catch (error) {
      if (this.#creating === creating) this.#creating = undefined;
      throw error;
    }
  }

  async #createDurable(): Promise<void> {
    const { name, filter } = this.#options;
    await createConsumer(this.#native, this.#stream, name, {
      durable_name: name,
      name,
      ack_policy: 'explicit',
      deliver_policy: 'all',
      replay_policy: 'instant',
      ack_wait: this.#ackWaitMs * 1e6,
      // Counted here and not by the server, which would leave the message in the stream without a word.
      max_deliver: -1,
      max_ack_pending: 10_000,
      ...filterPolicy(typeof filter === 'string' ? [filter] : filter),
    });
  }

  async #runSlot(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted && !this.#native.nc.isClosed()) {
      if (!this.#native.isConnected()) {
        await pause(RECONNECT_POLL_MS, signal);
        continue;
      }
      try {
        await this.#ensureDurable();
        const message = await this.#take(signal);
        if (message !== undefined) await this.#handle(message);
      } catch (error) {
        if (signal.aborted) return;
        this.#creating = undefined;
        const level = error instanceof PullInterrupted || !isPermissionDenied(error) ? 'info' : 'error';
        this.#native.logger[level](
          { consumer: this.#options.name, stream: this.#stream, reason: messageOf(error) },
          'consumer starts again',
        );
        await pause(RETRY_MS, signal);
      }
    }
  }

  /** The next message, or undefined when none came within a pull or the consumer stops. */
  async #take(signal: AbortSignal): Promise<StreamMessage | undefined> {
    let taken: StreamMessage | undefined;
    const pull = startPull(this.#native, {
      stream: this.#stream,
      consumer: this.#options.name,
      batch: 1,
      expiresMs: 5000,
      heartbeatMs: 1000,
      onActivity: () => {
        this.lastActivityAt = performance.now();
      },
      onMessage: (message) => {
        taken = message;
      },
    });
    let cancelled: Promise<void> | undefined;
    const cancel = (): void => {
      cancelled = pull.cancel();
    };
    signal.addEventListener('abort', cancel, { once: true });
    try {
      await pull.ended;
      await cancelled;
    } finally {
      signal.removeEventListener('abort', cancel);
    }
    if (taken !== undefined && signal.aborted) {
      await this.#handBack(taken, 1, tooLate());
      return undefined;
    }
    return taken;
  }

  async #handle(message: StreamMessage): Promise<void> {
    const job = toJob(message, this.#abortJobs.signal);
    const maxDeliver = this.#options.maxDeliver ?? DEFAULTS.maxDeliver;
    const progressMs = Math.min(this.#ackWaitMs / 3, PROGRESS_MS);
    const heartbeat = setInterval(() => void this.#confirmProgress(message, progressMs), progressMs);
    this.running++;
    let attempts = message.deliveryCount;
    try {
      attempts -= await this.#timesHandedBack(message);
      if (attempts > maxDeliver) {
        await this.#giveUp(message, job, tooOften(message, attempts, maxDeliver));
        return;
      }
      const failure = this.#abortJobs.signal.aborted ? tooLate() : await this.#attempt(job);
      if (failure === undefined) await this.#acknowledge(message, '+ACK');
      else if (isCancelled(failure)) await this.#handBack(message, attempts, failure);
      else if (isFinal(failure) || attempts >= maxDeliver) await this.#giveUp(message, job, failure);
      else this.#retryLater(message, attempts, failure);
    } catch (error) {
      this.#retryLater(message, attempts, error);
    } finally {
      clearInterval(heartbeat);
      this.running--;
      this.lastActivityAt = performance.now();
    }
  }

  async #confirmProgress({ message }: StreamMessage, timeoutMs: number): Promise<void> {
    if (this.#native.nc.isClosed() || message.reply === undefined) return;
    try {
      await this.#native.nc.request(message.reply, '+WPI', { timeout: timeoutMs });
      this.lastActivityAt = performance.now();
    } catch {
      // Unconfirmed is no sign of life; the next one may be.
    }
  }

  async #timesHandedBack({ deliveryCount, streamSeq }: StreamMessage): Promise<number> {
    return deliveryCount === 1 ? 0 : await this.#handbacks.count(streamSeq);
  }

  async #handBack(message: StreamMessage, attempts: number, reason: Error): Promise<void> {
    try {
      await this.#handbacks.record(message.streamSeq, (await this.#timesHandedBack(message)) + 1);
    } catch (error) {
      this.#native.logger.warn(
        { subject: message.subject, seq: message.streamSeq, reason: messageOf(error) },
        'a hand-back counts as an attempt',
      );
    }
    this.#retryLater(message, attempts, reason);
  }

  async #attempt(job: Job): Promise<Error | undefined> {
    try {
      await this.#options.handler(job);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error : new Error(messageOf(error));
    }
  }

  async #giveUp(message: StreamMessage, job: Job, reason: Error): Promise<void> {
    await deadLetter(this.#bus, {
      subject: message.subject,
      bytes: message.data,
      headers: headerRecord(message.message.headers),
      reason,
      by: this.#options.by ?? this.#options.name,
      key: `${this.#stream}.${message.streamSeq}`,
    });
    await this.#options.onDead?.(job, reason);
    await this.#acknowledge(
      message,
      `+TERM ${messageOf(reason)
        .replace(/[\r\n]+/g, ' ')
        .slice(0, 200)}`,
    );
  }

  #retryLater(message: StreamMessage, attempts: number, error: unknown): void {
    const first = this.#options.backoffMs ?? DEFAULTS.backoffMs;
    const asked = isConclaveError(error) ? error.retryAfterMs : undefined;
    const delayMs = asked ?? Math.min(MAX_BACKOFF_MS, first * 2 ** Math.min(attempts - 1, 16));
    this.#native.logger.warn(
      {
        subject: message.subject,
        seq: message.streamSeq,
        delivery: message.deliveryCount,
        delayMs,
        reason: messageOf(error),
      },
      'work is tried again',
    );
    this.#respond(message, `-NAK ${JSON.stringify({ delay: Math.round(delayMs * 1e6) })}`);
  }

  #respond(message: StreamMessage, word: string): void {
    if (!this.#native.nc.isClosed() && message.message.reply !== undefined)
      this.#native.nc.publish(message.message.reply, word);
  }

  /** Waits for the server's word; unheard, the message comes again and the handler must find its work already done. */
  async #acknowledge(message: StreamMessage, word: string): Promise<void> {
    const { nc, logger } = this.#native;
    for (let attempt = 1; attempt <= 3 && message.message.reply !== undefined; attempt++) {
      try {
        await nc.request(message.message.reply, word, { timeout: 2000 });
        return;
      } catch (error) {
        if (isPermissionDenied(error) || nc.isClosed()) throw asConclaveError(error, 'acknowledge work');
        logger.warn(
          { subject: message.subject, seq: message.streamSeq, attempt, reason: messageOf(error) },
          'acknowledgement unconfirmed',
        );
      }
    }
  }
}

/** A handler that was told to stop has not failed. */
function isCancelled(failure: Error): boolean {
  return isConclaveError(failure) && failure.retry === 'cancelled';
}

/** For what comes when handlers are being told to stop: one that starts only then might wait for ever to be told. */
function tooLate(): ConclaveError {
  return new ConclaveError('CVE_CANCELLED', 'it came while the consumer stopped');
}

/** Trying again cannot help. */
function isFinal(failure: Error): boolean {
  return isConclaveError(failure) && failure.retry === 'terminal';
}

function tooOften(message: StreamMessage, attempts: number, maxDeliver: number): ConclaveError {
  return new ConclaveError(
    'CVE_TOOL_FAILED',
    `${message.subject} was delivered ${attempts} times and never finished (limit ${maxDeliver}); its handler crashed or stalled`,
  );
}

function toJob(message: StreamMessage, signal: AbortSignal): Job {
  return {
    subject: message.subject,
    body: message.data,
    headers: (name) => headerOf(message.message.headers, name),
    deliveryCount: message.deliveryCount,
    seq: message.streamSeq,
    json: () => parseJson(message.data, `message ${message.streamSeq} of ${message.subject}`),
    signal,
  };
}
