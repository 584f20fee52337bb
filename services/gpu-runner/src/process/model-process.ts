import { ConclaveError } from '@conclave/contracts';
import type { Provider } from '../retrieval/onnx-model.ts';
import { checkQuery, type Query, type QueryForm } from '../retrieval/query-encoder.ts';
import type { Retrieved } from '../statistics/ndcg.ts';
import { type BatchOptions, BatchQueue } from './batch-queue.ts';
import { type Child, codedError, startChild } from './child.ts';
import { type FromModel, fromModel, type ToModel } from './child-protocol.ts';

const SCRIPT = new URL('model-child.ts', import.meta.url);

/** A process that ran this long starts again with the first pause. */
const SOUND_AFTER_MS = 60_000;

/** Crashes while loading, one after the other, that make a load a failure for good. */
const LOAD_ATTEMPTS = 3;

/** Longest pause in milliseconds before a version is started again, unless the options name another. */
export const LONGEST_PAUSE_MS = 30_000;

export interface ModelProcessOptions extends BatchOptions {
  /** For messages: `emoji-search 1.1`. */
  readonly name: string;
  readonly bundleDir: string;
  readonly datasetDir: string;
  readonly provider: Provider;
  /** Milliseconds a load may take, warm-up included. Default 120 000. */
  readonly loadTimeoutMs?: number;
  /** First pause in milliseconds before a crashed process is started again; it doubles up to the longest. Default 500. */
  readonly backoffMs?: number;
  /** Longest pause in milliseconds before another start. Default 30 000. */
  readonly longestPauseMs?: number;
  /** Milliseconds after which a batch without an answer shows a stuck process, which is then killed. Default 60 000. */
  readonly stuckAfterMs?: number;
  /** Called after each change of state. */
  readonly onChange?: () => void;
}

/** `loading` -> `ready` -> `restarting` -> `ready`; `failed` and `stopped` are final. */
export type ModelProcessState = 'loading' | 'ready' | 'restarting' | 'failed' | 'stopped';

/**
 * One served version in a child process of its own. Invariants:
 * 1. At most one child lives at a time, and none after `stop`.
 * 2. A request is answered, or rejected with a coded error: a crash, a stuck child and a stop reject what is in flight.
 * 3. A terminal failure to load is not tried again; a crash is, after a growing pause.
 */
export class ModelProcess {
  readonly #options: ModelProcessOptions;
  readonly #queue: BatchQueue;
  readonly #runs = new Map<number, { resolve(answers: Retrieved[][]): void; reject(error: unknown): void }>();
  readonly #pending = new Set<Promise<unknown>>();
  #state: ModelProcessState = 'loading';
  #detail = 'starting';
  #child: Child<ToModel> | undefined;
  #ready: Extract<FromModel, { type: 'ready' }> | undefined;
  #nextRun = 0;
  #crashes = 0;
  #readyAt = 0;
  #failedLoads = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ModelProcessOptions) {
    this.#options = options;
    this.#queue = new BatchQueue(options, (queries, k) => this.#run(queries, k));
    this.#start();
  }

  get state(): ModelProcessState {
    return this.#state;
  }

  /** For people: the warm-up time, or what went wrong. */
  get detail(): string {
    return this.#detail;
  }

  /** Process id of the child, while there is one. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** The form in which queries are taken; known once it was ready. */
  get form(): QueryForm | undefined {
    return this.#ready?.form;
  }

  /** The first queries of the dataset, for probing; empty until it was ready. */
  get probes(): readonly Query[] {
    return this.#ready?.probes ?? [];
  }

  /**
   * The k best documents for each query.
   * @throws CVE_INFER_NOT_READY, CVE_INFER_INVALID, CVE_INFER_OVERLOADED, CVE_INFER_FAILED
   */
  async search(queries: readonly Query[], k: number): Promise<Retrieved[][]> {
    if (this.#state !== 'ready' || this.#ready === undefined) {
      const text = `${this.#options.name} is ${this.#state} (${this.#detail}); try again when it is ready`;
      throw new ConclaveError('CVE_INFER_NOT_READY', text, { retryAfterMs: 1000 });
    }
    for (const query of queries) checkQuery(query, this.#ready.form);
    const answers = this.#queue.submit(queries, k);
    this.#pending.add(answers);
    try {
      return await answers;
    } finally {
      this.#pending.delete(answers);
    }
  }

  /** Resolves when no request is waiting or running; a batch that never ends counts as ended after `stuckAfterMs`. */
  async idle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.allSettled(this.#pending);
  }

  /** Ends the child. Requests in flight are rejected with CVE_INFER_NOT_READY. */
  async stop(): Promise<void> {
    this.#enter('stopped', 'stopped');
    clearTimeout(this.#timer);
    this.#rejectAll(new ConclaveError('CVE_INFER_NOT_READY', `${this.#options.name} was stopped; ask another version`));
    const child = this.#child;
    child?.kill();
    await child?.ended;
  }

  #start(): void {
    const { bundleDir, datasetDir, provider, loadTimeoutMs = 120_000 } = this.#options;
    const child = startChild<FromModel, ToModel>(SCRIPT, fromModel, {
      onMessage: (message) => this.#hear(message),
      onExit: (how) => this.#exited(how),
    });
    this.#child = child;
    this.#timer = setTimeout(() => {
      this.#detail = `did not load within ${loadTimeoutMs} ms`;
      child.kill();
    }, loadTimeoutMs);
    child.send({ type: 'load', bundleDir, datasetDir, provider });
  }

  #hear(message: FromModel): void {
    if (this.#state === 'stopped') return;
    if (message.type === 'ready') this.#loaded(message);
    else if (message.type === 'load_failed') this.#loadFailed(message.message);
    else if (message.type === 'answer') this.#runs.get(message.id)?.resolve(message.answers);
    else this.#runs.get(message.id)?.reject(codedError(message, 'CVE_INFER_FAILED'));
  }

  #loaded(message: Extract<FromModel, { type: 'ready' }>): void {
    clearTimeout(this.#timer);
    this.#ready = message;
    this.#failedLoads = 0;
    this.#readyAt = performance.now();
    this.#enter('ready', `ready in ${Math.round(message.warmupMs)} ms, ${message.documents} documents`);
  }

  /** What the child reports of a load is about the bundle or the dataset, and those never change. */
  #loadFailed(message: string): void {
    clearTimeout(this.#timer);
    this.#enter('failed', message);
    this.#child?.kill();
  }

  #exited(how: string): void {
    clearTimeout(this.#timer);
    this.#child = undefined;
    if (this.#state === 'stopped' || this.#state === 'failed') return;
    const what = this.#state === 'ready' ? `the process ${how}` : `${this.#detail}; the process ${how} while loading`;
    this.#rejectAll(new ConclaveError('CVE_INFER_FAILED', `${this.#options.name}: ${what}; it is being restarted`));
    if (this.#state !== 'ready') this.#failedLoads++;
    else if (performance.now() - this.#readyAt > SOUND_AFTER_MS) this.#crashes = 0;
    if (this.#failedLoads >= LOAD_ATTEMPTS) {
      const text = `${what}, ${LOAD_ATTEMPTS} times; try the bundle outside of Conclave`;
      this.#enter('failed', `CVE_BUNDLE_ONNX_INVALID: ${text}`);
      return;
    }
    const { backoffMs = 500, longestPauseMs = LONGEST_PAUSE_MS } = this.#options;
    const pauseMs = Math.min(longestPauseMs, backoffMs * 2 ** Math.min(this.#crashes, 10));
    this.#crashes++;
    this.#timer = setTimeout(() => this.#start(), pauseMs);
    this.#enter('restarting', `${what}, starting again in ${pauseMs} ms`);
  }

  async #run(queries: readonly Query[], k: number): Promise<Retrieved[][]> {
    const id = this.#nextRun++;
    const child = this.#child;
    const { stuckAfterMs = 60_000 } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<Retrieved[][]>();
    this.#runs.set(id, { resolve, reject });
    const stuck = setTimeout(() => child?.kill(), stuckAfterMs);
    child?.send({ type: 'search', id, queries, k });
    try {
      return await promise;
    } finally {
      clearTimeout(stuck);
      this.#runs.delete(id);
    }
  }

  #rejectAll(error: ConclaveError): void {
    for (const { reject } of this.#runs.values()) reject(error);
    this.#queue.rejectAll(error);
  }

  #enter(state: ModelProcessState, detail: string): void {
    this.#state = state;
    this.#detail = detail;
    this.#options.onChange?.();
  }
}
