import { ConclaveError, isConclaveError, messageOf } from '@conclave/contracts';
import {
  LONGEST_PAUSE_MS,
  ModelProcess,
  type ModelProcessOptions,
  type ModelProcessState,
} from '../process/model-process.ts';
import type { Query, QueryForm } from '../retrieval/query-encoder.ts';
import type { Target } from '../routing/router.ts';
import type { Retrieved } from '../statistics/ndcg.ts';

/** A bundle over a dataset's documents. */
export interface WantedVersion {
  readonly model: string;
  readonly version: string;
  readonly digest: string;
  readonly dataset: string;
}

export interface ServedVersionOptions
  extends Omit<ModelProcessOptions, 'name' | 'bundleDir' | 'datasetDir' | 'onChange'> {
  /** A verified local copy of an artifact directory. @throws CVE_ARTIFACT_* */
  fetchDirectory(digest: string): Promise<string>;
  /** Called after each change of state. */
  onChange(): void;
}

const FIRST_PAUSE_MS = 500;

/**
 * One version from its digests to its answers: fetched, then served by a process of its own. What cannot be fetched for a
 * reason that lasts (unknown, damaged) or cannot be loaded has failed; anything else is tried again after a growing pause.
 */
export class ServedVersion implements Target {
  readonly wanted: WantedVersion;
  readonly #options: ServedVersionOptions;
  #process: ModelProcess | undefined;
  #fetching: { state: ModelProcessState; detail: string } = { state: 'loading', detail: 'fetching' };
  #timer: NodeJS.Timeout | undefined;
  #lastFailure: string | undefined;
  #attempts = 0;
  #stopped = false;

  constructor(wanted: WantedVersion, options: ServedVersionOptions) {
    this.wanted = wanted;
    this.#options = options;
    void this.#fetch();
  }

  get state(): ModelProcessState {
    return this.#process?.state ?? this.#fetching.state;
  }

  get detail(): string {
    return this.#process?.detail ?? this.#fetching.detail;
  }

  /** Why it could not be loaded, from then until it is ready: also while it is tried again. */
  get lastFailure(): string | undefined {
    return this.#lastFailure;
  }

  get form(): QueryForm | undefined {
    return this.#process?.form;
  }

  get probes(): readonly Query[] {
    return this.#process?.probes ?? [];
  }

  search(queries: readonly Query[], k: number): Promise<Retrieved[][]> {
    if (this.#process !== undefined) return this.#process.search(queries, k);
    const text = `${this.#name} is ${this.state} (${this.detail}); try again when it is ready`;
    return Promise.reject(new ConclaveError('CVE_INFER_NOT_READY', text, { retryAfterMs: 1000 }));
  }

  /** Starts anew, after the longest pause, when it has failed: for what nothing else can stand in for. */
  tryAgain(): void {
    if (this.state !== 'failed' || this.#timer !== undefined || this.#stopped) return;
    this.#fetchAfter(this.#longestPauseMs);
  }

  /** Answers what was accepted, then ends. To be called when no further request can come. */
  async retire(): Promise<void> {
    await this.#process?.idle();
    await this.stop();
  }

  /** Ends at once. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#process?.stop();
  }

  get #longestPauseMs(): number {
    return this.#options.longestPauseMs ?? LONGEST_PAUSE_MS;
  }

  get #name(): string {
    return `${this.wanted.model} ${this.wanted.version}`;
  }

  async #fetch(): Promise<void> {
    const { digest, dataset } = this.wanted;
    try {
      const [bundleDir, datasetDir] = await Promise.all([
        this.#options.fetchDirectory(digest),
        this.#options.fetchDirectory(dataset),
      ]);
      if (this.#stopped) return;
      const onChange = () => this.#changed();
      this.#process = new ModelProcess({ ...this.#options, name: this.#name, bundleDir, datasetDir, onChange });
    } catch (error) {
      if (!this.#stopped) this.#fetchFailed(error);
    }
    this.#changed();
  }

  #changed(): void {
    if (this.state === 'ready') this.#lastFailure = undefined;
    else if (this.state === 'failed') this.#lastFailure = this.detail;
    this.#options.onChange();
  }

  #fetchFailed(error: unknown): void {
    if (isConclaveError(error) && error.retry === 'terminal') {
      this.#fetching = { state: 'failed', detail: error.message };
      return;
    }
    const pauseMs = Math.min(this.#longestPauseMs, FIRST_PAUSE_MS * 2 ** Math.min(this.#attempts++, 10));
    this.#fetching = { state: 'loading', detail: `fetching failed, again in ${pauseMs} ms: ${messageOf(error)}` };
    this.#fetchAfter(pauseMs);
  }

  #fetchAfter(pauseMs: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#process = undefined;
      this.#fetching = { state: 'loading', detail: 'fetching' };
      void this.#fetch();
    }, pauseMs);
  }
}
