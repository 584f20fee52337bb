import { ConclaveError, type DesiredConfirmation, isConclaveError, type TelemetryWindow } from '@conclave/contracts';
import type { Query, QueryForm } from '../retrieval/query-encoder.ts';
import type { Retrieved } from '../statistics/ndcg.ts';
import { type Ending, type Role, Windows } from '../telemetry/windows.ts';
import { Confirmation } from './confirmation.ts';
import { Split } from './split-requests.ts';
import { type Desired, type TestInProgress, type Traffic, trafficOf } from './traffic.ts';

/** Copies that the candidate works on at a time. */
const MOST_MIRRORS = 4;

/** A served version as the router sees it (a ModelProcess). */
export interface Target {
  readonly state: 'loading' | 'ready' | 'restarting' | 'failed' | 'stopped';
  readonly form: QueryForm | undefined;
  readonly probes: readonly Query[];
  search(queries: readonly Query[], k: number): Promise<Retrieved[][]>;
}

export interface SearchRequest {
  readonly queries: readonly Query[];
  readonly k: number;
  /** Requests with one key stay on one version, within the bounds of `Split`. */
  readonly key: string | undefined;
  /** A rollback test's own request: it goes to the candidate whenever any request may, and is no part of the split. */
  readonly isProbe?: boolean;
}

export interface Routed {
  readonly version: string;
  /** One ranking a query, best first. */
  readonly answers: readonly (readonly Retrieved[])[];
  /** What the candidate failed with, when stable answered in its place. */
  readonly candidateError?: unknown;
}

export interface RouterOptions {
  readonly runner: string;
  readonly model: string;
  readonly desiredConfirmationTimeoutMs: number;
  /** The process that serves a bundle over a dataset, if there is one. */
  targetOf(version: { readonly digest: string; readonly dataset: string }): Target | undefined;
  onWindows(windows: readonly TelemetryWindow[]): void;
  /** Told when the wall clock was set back by more than a second. */
  onClockSetBack?(bySeconds: number): void;
  /** Monotonic milliseconds. Default `performance.now`. */
  readonly now?: () => number;
  /** Milliseconds since the epoch. Default `Date.now`. */
  readonly wallClock?: () => number;
  /** Uniform in [0, 1). Default `Math.random`. */
  readonly random?: () => number;
}

/** Counters since the start of the process. */
export interface RouterCounts {
  /** Failed candidate requests that stable answered instead. */
  retriedOnStable: number;
  /** Requests that were not copied because the candidate had enough copies to work on. */
  mirrorsDropped: number;
}

/**
 * Sends the requests of one model to its versions. Invariants:
 * 1. Each request is counted once, for the version it was routed to; a copy is counted for the candidate.
 * 2. A request that the candidate fails is answered by stable: users see no failure that stable could have avoided.
 * 3. A copy starts only after the answer is there, and nothing waits for it.
 */
export class Router {
  readonly counts: RouterCounts = { retriedOnStable: 0, mirrorsDropped: 0 };
  readonly #options: RouterOptions;
  readonly #now: () => number;
  readonly #wallClock: () => number;
  readonly #confirmation: Confirmation;
  readonly #windows: Windows;
  #desired: Desired = { seq: 0, stable: undefined, candidate: undefined, latencyThresholdMs: 1 };
  /** The stable version that is asked for, while another answers until it is loaded. */
  #awaited: Desired['stable'];
  #test: TestInProgress | undefined;
  /** The split of the stage that is served, and that of a rollback test in it; `of` tells it from another's. */
  readonly #splits = new Map<'counted' | 'excluded', { readonly of: string; readonly split: Split }>();
  #halted = false;
  /** What the open windows measure. */
  #measured = '';
  readonly #mirrors = new Set<{ readonly startedAt: number }>();
  #candidateInFlight = 0;

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#wallClock = options.wallClock ?? Date.now;
    this.#confirmation = new Confirmation(options.desiredConfirmationTimeoutMs);
    const { runner, model, onClockSetBack } = options;
    this.#windows = new Windows(runner, model, this.#wallClock(), onClockSetBack);
  }

  get desired(): Desired {
    return this.#desired;
  }

  /** Whether what the journal asks for may be acted on. */
  get confirmed(): boolean {
    return this.#confirmation.isConfirmed(this.#now()) && !this.#halted;
  }

  /** Live requests that the candidate is working on. */
  get candidateInFlight(): number {
    return this.#candidateInFlight;
  }

  get lateRequests(): number {
    return this.#windows.late;
  }

  /** The stable version that the journal asks for, while another answers until it is loaded. */
  get awaited(): Desired['stable'] {
    return this.#awaited;
  }

  /**
   * Acts on what the rollout journal now asks for.
   * @param awaited the stable version that is asked for, when `desired` names another because it is still loading
   */
  apply(desired: Desired, awaited?: Desired['stable']): void {
    this.#desired = desired;
    this.#awaited = awaited;
    this.#confirmation.applied(desired.seq, this.#now());
    this.refresh();
  }

  hear(confirmation: DesiredConfirmation): void {
    this.#confirmation.hear(confirmation, this.#now());
    this.refresh();
  }

  /** The journal cannot be followed any more: stable only from here on. */
  halt(): void {
    this.#halted = true;
    this.refresh();
  }

  /** Starts, moves on or ends (undefined) a rollback test. */
  setTest(test: TestInProgress | undefined): void {
    this.#test = test;
    this.refresh();
  }

  get test(): TestInProgress | undefined {
    return this.#test;
  }

  /** The process of stable or candidate, if there is one. */
  target(role: Role): Target | undefined {
    const version = this.#desired[role];
    return version === undefined ? undefined : this.#options.targetOf(version);
  }

  /**
   * Where requests go now; to be called regularly, since silence changes it. Closes the windows when the journal asks for something
   * else to be measured or a test begins or ends, but not when readiness or confirmation comes and goes: what a crash breaks off
   * counts in the window that it was asked in.
   */
  refresh(): Traffic {
    const traffic = trafficOf({
      desired: this.#desired,
      confirmed: this.confirmed,
      candidateReady: this.target('candidate')?.state === 'ready',
      test: this.#test,
    });
    const { stable, candidate, excluded } = traffic;
    const { latencyThresholdMs } = this.#desired;
    const measured = JSON.stringify([stable?.version, stable?.digest, candidate, excluded, latencyThresholdMs]);
    if (measured !== this.#measured) {
      this.#measured = measured;
      this.#publish(this.#windows.switchTo(traffic, latencyThresholdMs, this.#readyRoles(), this.#wallClock()));
    }
    return traffic;
  }

  /** Closes and publishes the open windows. */
  rollWindows(): void {
    this.refresh();
    this.#publish(this.#windows.roll(this.#readyRoles(), this.#wallClock()));
  }

  /**
   * Answers a request.
   * @throws CVE_INFER_NOT_READY, CVE_INFER_INVALID, CVE_INFER_OVERLOADED, CVE_INFER_FAILED
   */
  async search(request: SearchRequest): Promise<Routed> {
    const arrivedAt = this.#now();
    const traffic = this.refresh();
    const { candidate, share } = traffic;
    if (candidate !== undefined && share > 0) {
      const split = request.isProbe === true ? undefined : this.#splitOf(candidate, traffic.excluded);
      const isCandidates = split === undefined || split.toCandidate(request.key);
      try {
        return await (isCandidates
          ? this.#askCandidate(candidate.version, request, arrivedAt)
          : this.#askStable(request, arrivedAt));
      } catch (error) {
        if (isConclaveError(error, 'CVE_INFER_INVALID')) split?.takeBack(isCandidates);
        throw error;
      }
    }
    const routed = await this.#askStable(request, arrivedAt);
    if (traffic.mirror) setImmediate(() => void this.#mirror(request));
    return routed;
  }

  /** Answers by a named version, outside of all windows. @throws CVE_MODEL_UNKNOWN, CVE_INFER_* */
  async searchVersion(version: string, { queries, k }: SearchRequest): Promise<Routed> {
    return { version, answers: await this.#ask(this.roleOf(version), queries, k) };
  }

  /** Whether a version is stable or candidate. @throws CVE_MODEL_UNKNOWN when it is neither */
  roleOf(version: string): Role {
    const role = (['stable', 'candidate'] as const).find((one) => this.#desired[one]?.version === version);
    if (role !== undefined) return role;
    const served = [this.#desired.stable?.version, this.#desired.candidate?.version].filter((v) => v !== undefined);
    const text = `${this.#options.model} ${version} is not served here; served: ${served.join(', ') || 'none'}`;
    throw new ConclaveError('CVE_MODEL_UNKNOWN', text);
  }

  /** One split for all of a stage: it goes on over a restart of the candidate. The time of a test, which does not count, has its own. */
  #splitOf({ rolloutId, stageEpoch, share }: NonNullable<Traffic['candidate']>, excluded: string | undefined): Split {
    const kind = excluded === undefined ? 'counted' : 'excluded';
    const of = excluded ?? nameOfStage(rolloutId, stageEpoch);
    const known = this.#splits.get(kind);
    if (known?.of === of) return known.split;
    const split = new Split(this.#options.model, share, this.#options.random);
    this.#splits.set(kind, { of, split });
    return split;
  }

  async #askStable(request: SearchRequest, arrivedAt: number): Promise<Routed> {
    const ticket = this.#windows.ticket('stable');
    const version = this.#desired.stable?.version ?? '';
    try {
      const answers = await this.#ask('stable', request.queries, request.k);
      this.#windows.record(ticket, this.#ending(arrivedAt, true));
      return { version, answers };
    } catch (error) {
      // A request that no model could answer says nothing about this one.
      if (!isConclaveError(error, 'CVE_INFER_INVALID')) this.#windows.record(ticket, this.#ending(arrivedAt, false));
      throw error;
    }
  }

  async #askCandidate(version: string, request: SearchRequest, arrivedAt: number): Promise<Routed> {
    const ticket = this.#windows.ticket('candidate');
    const stable = this.#desired.stable;
    let candidateError: unknown;
    this.#candidateInFlight++;
    try {
      const answers = await this.#ask('candidate', request.queries, request.k);
      this.#windows.record(ticket, this.#ending(arrivedAt, true));
      return { version, answers };
    } catch (error) {
      if (stable === undefined) {
        if (!isConclaveError(error, 'CVE_INFER_INVALID')) this.#windows.record(ticket, this.#ending(arrivedAt, false));
        throw error;
      }
      candidateError = error;
    } finally {
      this.#candidateInFlight--;
    }
    try {
      const answers = await this.#ask('stable', request.queries, request.k);
      this.#windows.record(ticket, this.#ending(arrivedAt, false));
      this.counts.retriedOnStable++;
      return { version: this.#desired.stable?.version ?? stable.version, answers, candidateError };
    } catch (error) {
      if (!isConclaveError(error, 'CVE_INFER_INVALID')) this.#windows.record(ticket, this.#ending(arrivedAt, false));
      throw error;
    }
  }

  /**
   * A candidate that is busy gets a sample of the requests, so that its latency is measured instead of its queue. If it is
   * busy with a copy that has missed the latency threshold already, then the request would have missed it too: an error.
   */
  async #mirror({ queries, k }: SearchRequest): Promise<void> {
    if (!this.refresh().mirror) return;
    const ticket = this.#windows.ticket('candidate');
    const startedAt = this.#now();
    if (this.#mirrors.size >= MOST_MIRRORS) {
      this.counts.mirrorsDropped++;
      const oldestAt = Math.min(...[...this.#mirrors].map((mirror) => mirror.startedAt));
      const latencyMs = startedAt - oldestAt;
      if (latencyMs > this.#desired.latencyThresholdMs) this.#windows.record(ticket, { answered: false, latencyMs });
      return;
    }
    const mirror = { startedAt };
    this.#mirrors.add(mirror);
    try {
      await this.#ask('candidate', queries, k);
      this.#windows.record(ticket, this.#ending(startedAt, true));
    } catch {
      this.#windows.record(ticket, this.#ending(startedAt, false));
    } finally {
      this.#mirrors.delete(mirror);
    }
  }

  #ending(startedAt: number, answered: boolean): Ending {
    return { answered, latencyMs: this.#now() - startedAt };
  }

  #ask(role: Role, queries: readonly Query[], k: number): Promise<Retrieved[][]> {
    const target = this.target(role);
    if (target !== undefined) return target.search(queries, k);
    const { model } = this.#options;
    const text = `no ${role} version of ${model} is loaded here yet; try again, or ask conclave status what it serves`;
    return Promise.reject(new ConclaveError('CVE_INFER_NOT_READY', text, { retryAfterMs: 1000 }));
  }

  /** Who would have answered. A candidate that nobody confirms is not asked: its silence is no window without traffic, it is none. */
  #readyRoles(): ReadonlySet<Role> {
    const asked: readonly Role[] = this.confirmed ? ['stable', 'candidate'] : ['stable'];
    return new Set(asked.filter((role) => this.target(role)?.state === 'ready'));
  }

  #publish(windows: readonly TelemetryWindow[]): void {
    if (windows.length === 0) return;
    const counted = this.#splits.get('counted');
    this.#options.onWindows(
      windows.map((window) =>
        window.excluded === undefined && counted?.of === nameOfStage(window.rolloutId, window.stageEpoch)
          ? { ...window, dominantKey: counted.split.dominantKey }
          : window,
      ),
    );
  }
}

function nameOfStage(rolloutId: string | undefined, stageEpoch: number | undefined): string {
  return `${rolloutId} ${stageEpoch}`;
}
