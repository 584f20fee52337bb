import {
  type Aggregate,
  type AggregateKind,
  aggregates,
  type Commit,
  checkEvents,
  type RawEvent,
} from '@conclave/contracts';
import {
  foldReadableRollouts,
  foldWorld,
  initialRollouts,
  initialWorld,
  openRollout,
  type Rollout,
  type RolloutsState,
  type World,
} from '@conclave/core';
import { type Cast, DEFAULT_CAST, digestFor } from './cast.ts';
import { type DataOf, type Draft, draft, type EventType } from './draft.ts';

export const HISTORY_START = '2026-01-01T00:00:00.000Z';

/** The time so many seconds after the start of every history that names none. */
export function at(seconds: number): Date {
  return new Date(Date.parse(HISTORY_START) + seconds * 1000);
}

/** Which service writes which aggregates. */
const WRITERS: Readonly<Record<AggregateKind, string>> = {
  schedule: 'coordinator-0',
  rollouts: 'coordinator-0',
  incidents: 'coordinator-0',
  models: 'coordinator-0',
  roadmap: 'coordinator-0',
  meetings: 'planner-0',
  actions: 'executor-0',
  evaluations: 'gpu-runner-0',
};

export interface LedgerOptions extends Partial<Cast> {
  /** When it begins, ISO 8601 or as a Date. */
  readonly start?: string | Date;
  /** What goes before the ids of events, for several histories in one journal. */
  readonly prefix?: string;
  /** Sequence of the last commit before the first of this history. */
  readonly afterSeq?: number;
}

/**
 * A journal in memory, on a clock that only its author moves.
 *
 * 1. Each verb is one commit; `commit` makes one of several events. The same verbs make the same commits, ids and times included.
 * 2. What no service could write is refused when it is written (CVE_MESSAGE_MALFORMED); only `foreign` may.
 */
export abstract class Ledger {
  protected cast: Cast;
  #commits: Commit[] = [];
  #nowMs: number;
  #seq: number;
  #ids = 0;
  readonly #prefix: string;
  readonly #rollouts = new Map<string, RolloutsState>();
  #world: World = initialWorld();
  /** How many of the commits are in the world; undefined once some were taken away before they were. */
  #folded: number | undefined = 0;

  constructor({ start = HISTORY_START, prefix = '', afterSeq = 0, ...cast }: LedgerOptions = {}) {
    this.cast = { ...DEFAULT_CAST, ...cast };
    this.#nowMs = new Date(start).getTime();
    this.#prefix = prefix;
    this.#seq = afterSeq;
  }

  get now(): Date {
    return new Date(this.#nowMs);
  }

  /** The history so far; what `take` took is not among it. */
  get commits(): readonly Commit[] {
    return this.#commits;
  }

  /** Sequence of the last commit; 0 before the first. */
  get seq(): number {
    return this.#seq;
  }

  /** Sets the time of what follows. */
  at(time: string | Date): this {
    this.#nowMs = new Date(time).getTime();
    return this;
  }

  /** Time goes on by so many seconds. */
  wait(seconds: number): this {
    this.#nowMs += seconds * 1000;
    return this;
  }

  /** Says of which model, versions or dataset what follows tells. */
  about(cast: Partial<Cast>): this {
    this.cast = { ...this.cast, ...cast };
    return this;
  }

  /** Does what `tell` says, for loops and conditions between two verbs. */
  also(tell: (history: this) => void): this {
    tell(this);
    return this;
  }

  /** Several events that hold together. */
  commit(aggregate: Aggregate, ...drafts: readonly Draft[]): this {
    return this.append(
      aggregate,
      drafts.map(({ type, data }) => ({ id: this.newId(), type, at: this.now.toISOString(), data })),
    );
  }

  /** Events that were decided elsewhere, as they are; none are no commit. */
  append(aggregate: Aggregate, events: readonly RawEvent[]): this {
    if (events.length === 0) return this;
    checkEvents(aggregate.kind, events);
    this.#store(aggregate, events);
    if (aggregate.kind === 'rollouts') this.#foldRollouts(aggregate.id);
    return this;
  }

  /** What another version may write and this one does not know. */
  foreign(aggregate: Aggregate, type: string, data: unknown): this {
    return this.#store(aggregate, [{ id: this.newId(), type, at: this.now.toISOString(), data }]);
  }

  newId(): string {
    return `${this.#prefix}e${++this.#ids}`;
  }

  /**
   * The history folded. It goes on with it: who compares before and after keeps a structuredClone.
   * @throws when commits were taken away before they were folded
   */
  get world(): World {
    if (this.#folded === undefined)
      throw new Error('commits were taken out of this history; fold them where they went');
    for (const commit of this.#commits.slice(this.#folded)) this.#world = foldWorld(this.#world, commit);
    this.#folded = this.#commits.length;
    return this.#world;
  }

  /** The rollouts of a model, by default of the one that is told of. */
  rolloutsOf(model = this.cast.model): RolloutsState {
    return this.#rollouts.get(model) ?? initialRollouts(model);
  }

  /** The open rollout of the model. @throws when there is none */
  get rollout(): Rollout {
    const open = openRollout(this.rolloutsOf());
    if (open === undefined) throw new Error(`no rollout of ${this.cast.model} is open at this point of the history`);
    return open;
  }

  /** Hands over what was written since the last time, and keeps none of it: a history of any length takes the same memory. */
  take(): Commit[] {
    const taken = this.#commits;
    if (this.#folded !== taken.length) this.#folded = undefined;
    else this.#folded = 0;
    this.#commits = [];
    return taken;
  }

  digestOf(version: string): string {
    return this.cast.digests[version] ?? digestFor(this.cast.model, version);
  }

  get datasetDigest(): string {
    return this.cast.digests[this.cast.dataset] ?? digestFor(this.cast.dataset);
  }

  protected ofRollouts<T extends EventType>(type: T, data: DataOf<T>): this {
    return this.commit(aggregates.rollouts(this.cast.model), draft(type, data));
  }

  protected ofSchedule<T extends EventType>(type: T, data: DataOf<T>): this {
    return this.commit(aggregates.schedule, draft(type, data));
  }

  #store(aggregate: Aggregate, events: readonly RawEvent[]): this {
    const seq = ++this.#seq;
    const storedAt = this.now.toISOString();
    const commit: Commit = { aggregate, seq, storedAt, by: WRITERS[aggregate.kind], fence: undefined, events };
    this.#commits.push(commit);
    return this;
  }

  #foldRollouts(model: string): void {
    const commit = this.#commits.at(-1);
    if (commit === undefined) return;
    this.#rollouts.set(model, foldReadableRollouts(this.rolloutsOf(model), commit));
  }
}
