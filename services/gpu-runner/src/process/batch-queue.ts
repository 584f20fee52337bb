import { ConclaveError, isConclaveError } from '@conclave/contracts';
import { type Clock, systemClock } from '@conclave/service';
import type { Query } from '../retrieval/query-encoder.ts';
import type { Retrieved } from '../statistics/ndcg.ts';

/** How requests are gathered into batches. */
export interface BatchOptions {
  /** Most queries that are answered in one run, unless a single request has more. At least 1. */
  readonly maxBatch: number;
  /** Longest time in milliseconds that a request waits for others while the model is idle. 0 or more. */
  readonly maxBatchWaitMs: number;
  /** Most queries that may wait. At least 1. */
  readonly maxQueue: number;
  /** Milliseconds after which a request is given up. */
  readonly requestTimeoutMs: number;
}

interface Waiting {
  readonly queries: readonly Query[];
  readonly k: number;
  readonly resolve: (answers: Retrieved[][]) => void;
  readonly reject: (error: unknown) => void;
  readonly forgetDeadline: () => void;
  /** Monotonic milliseconds at which it is given up. */
  readonly expiresAt: number;
}

/** A batch may take this part of a request's time, so that a slow model does not let whole batches expire. */
const BATCH_TIME_SHARE = 0.25;
/** Weight of the newest batch in the running mean of the time a query takes. */
const NEWEST_WEIGHT = 0.3;
/**
 * However long queries took, a request that has more than this part of its time left is tried: after a pause of the machine or of the
 * process nothing else would ever show that the model is fast again.
 */
const HOPELESS_TIME_SHARE = 0.5;

/**
 * Dynamic batching in front of one model: one batch runs at a time; what arrives meanwhile forms the next. A batch starts when
 * it is full or when its oldest request has waited `maxBatchWaitMs`. A slow model gets smaller batches, and no request that would
 * expire before its answer: under overload some are answered in time, instead of all too late. A batch that fails is run again request
 * by request, so that a query which no model can take fails only who sent it.
 */
export class BatchQueue {
  readonly #options: BatchOptions;
  readonly #run: (queries: readonly Query[], k: number) => Promise<Retrieved[][]>;
  #waiting: Waiting[] = [];
  #running: readonly Waiting[] = [];
  readonly #clock: Clock;
  #forgetStart: (() => void) | undefined;
  /** Running mean of the milliseconds that one query takes, or is taken to take. */
  #queryMs = 0;

  /** @param run answers a batch, or rejects with CVE_INFER_FAILED or CVE_INFER_INVALID what one query of it may have caused */
  constructor(
    options: BatchOptions,
    run: (queries: readonly Query[], k: number) => Promise<Retrieved[][]>,
    clock: Clock = systemClock,
  ) {
    this.#clock = clock;
    this.#options = options;
    this.#run = run;
  }

  /** Queries waiting, without those that run. */
  get length(): number {
    return this.#waiting.reduce((sum, { queries }) => sum + queries.length, 0);
  }

  /** @throws CVE_INFER_OVERLOADED when the queue is full; CVE_INFER_FAILED on timeout; what the run throws */
  submit(queries: readonly Query[], k: number): Promise<Retrieved[][]> {
    const { maxQueue, requestTimeoutMs } = this.#options;
    if (this.length > 0 && this.length + queries.length > maxQueue) {
      const text = `${this.length} queries wait already, at most ${maxQueue} may; try again later or add runners`;
      return Promise.reject(new ConclaveError('CVE_INFER_OVERLOADED', text, { retryAfterMs: 100 }));
    }
    const { promise, resolve, reject } = Promise.withResolvers<Retrieved[][]>();
    const forgetDeadline = this.#clock.after(requestTimeoutMs, () => {
      this.#waiting = this.#waiting.filter((one) => one !== waiting);
      reject(
        new ConclaveError(
          'CVE_INFER_FAILED',
          `no answer within ${requestTimeoutMs} ms; the model is too slow or stuck`,
        ),
      );
    });
    const expiresAt = this.#clock.monotonicMs() + requestTimeoutMs;
    const waiting: Waiting = { queries, k, resolve, reject, forgetDeadline, expiresAt };
    this.#waiting.push(waiting);
    this.#schedule();
    return promise;
  }

  /** Rejects everything that waits or runs. */
  rejectAll(error: unknown): void {
    this.#forgetStart?.();
    this.#forgetStart = undefined;
    for (const { forgetDeadline, reject } of [...this.#running, ...this.#waiting]) {
      forgetDeadline();
      reject(error);
    }
    this.#running = [];
    this.#waiting = [];
  }

  #schedule(): void {
    if (this.#running.length > 0 || this.#waiting.length === 0) return;
    if (this.length >= this.#options.maxBatch || this.#options.maxBatchWaitMs === 0) this.#start();
    else this.#forgetStart ??= this.#clock.after(this.#options.maxBatchWaitMs, () => this.#start());
  }

  #start(): void {
    this.#forgetStart?.();
    this.#forgetStart = undefined;
    const batch = this.#takeBatch();
    if (batch.length === 0) return;
    this.#running = batch;
    void this.#answer(batch).finally(() => {
      if (this.#running !== batch) return;
      this.#running = [];
      // Whoever arrived while the batch ran has waited long enough.
      if (this.#waiting.length > 0) this.#start();
    });
  }

  async #answer(batch: readonly Waiting[]): Promise<void> {
    try {
      await this.#answerAtOnce(batch);
    } catch (error) {
      if (batch.length > 1 && mayBeOneQuerys(error)) await this.#answerSingly(batch);
      else this.#finish(batch, ({ reject }) => reject(error));
    }
  }

  /** Nobody's query fails the requests of others. */
  async #answerSingly(batch: readonly Waiting[]): Promise<void> {
    for (const one of batch) {
      if (this.#running !== batch) return;
      if (one.expiresAt <= this.#clock.monotonicMs()) continue;
      await this.#answerAtOnce([one]).catch((error: unknown) => this.#finish([one], ({ reject }) => reject(error)));
    }
  }

  async #answerAtOnce(batch: readonly Waiting[]): Promise<void> {
    const queries = batch.flatMap((one) => one.queries);
    const startedAt = this.#clock.monotonicMs();
    try {
      const answers = await this.#run(queries, Math.max(...batch.map(({ k }) => k)));
      let row = 0;
      this.#finish(batch, ({ queries: { length }, k, resolve }) => {
        resolve(answers.slice(row, row + length).map((answer) => answer.slice(0, k)));
        row += length;
      });
    } finally {
      const longestMs = this.#options.requestTimeoutMs * HOPELESS_TIME_SHARE;
      const queryMs = Math.min(longestMs, (this.#clock.monotonicMs() - startedAt) / queries.length);
      this.#queryMs += (queryMs - this.#queryMs) * NEWEST_WEIGHT;
    }
  }

  #takeBatch(): Waiting[] {
    this.#rejectHopeless();
    const { maxBatch, requestTimeoutMs } = this.#options;
    const most = Math.min(maxBatch, (requestTimeoutMs * BATCH_TIME_SHARE) / this.#queryMs);
    let size = 0;
    let count = 0;
    for (const { queries } of this.#waiting) {
      if (count > 0 && size + queries.length > most) break;
      size += queries.length;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  #rejectHopeless(): void {
    const now = this.#clock.monotonicMs();
    const isHopeless = ({ expiresAt }: Waiting) => expiresAt - now < this.#queryMs;
    const hopeless = this.#waiting.filter(isHopeless);
    this.#waiting = this.#waiting.filter((one) => !isHopeless(one));
    const text = `a query takes ${Math.round(this.#queryMs)} ms and too many wait; try again later or add runners`;
    this.#finish(hopeless, ({ reject }) =>
      reject(new ConclaveError('CVE_INFER_OVERLOADED', text, { retryAfterMs: 1000 })),
    );
  }

  #finish(batch: readonly Waiting[], finish: (one: Waiting) => void): void {
    for (const one of batch) {
      one.forgetDeadline();
      finish(one);
    }
  }
}

function mayBeOneQuerys(error: unknown): boolean {
  return isConclaveError(error, 'CVE_INFER_FAILED') || isConclaveError(error, 'CVE_INFER_INVALID');
}
