import { addLatency, emptySketch, type TelemetryWindow } from '@conclave/contracts';

/** Which of a model's two versions a request was sent to. */
export type Role = 'stable' | 'candidate';

/** How a request ended. */
export interface Ending {
  readonly answered: boolean;
  /** Milliseconds from arrival to the answer; for a request that was given up, the milliseconds that it would at least have taken. */
  readonly latencyMs: number;
}

/** Ties a request to the traffic it was routed under. */
export interface Ticket {
  readonly role: Role;
  readonly generation: number;
}

/** The traffic that windows measure: which versions are asked to answer, and as what. */
export interface MeasuredTraffic {
  readonly stable: Pick<TelemetryWindow, 'version' | 'digest'> | undefined;
  readonly candidate:
    | (Pick<TelemetryWindow, 'version' | 'digest'> & {
        readonly rolloutId: string;
        readonly stageEpoch: number;
        /** It gets copies of requests, not requests. */
        readonly mirror: boolean;
      })
    | undefined;
  /** Set while windows must not count as evidence. */
  readonly excluded: string | undefined;
}

type Labels = Omit<TelemetryWindow, 'from' | 'to' | 'requests' | 'errors' | 'withinSlo' | 'latency'>;

interface OpenWindow {
  readonly labels: Labels;
  readonly latency: TelemetryWindow['latency'];
  requests: number;
  errors: number;
  withinSlo: number;
}

/**
 * The open measurement windows of one model, one for each version served. Invariants:
 * 1. A window belongs to one stage epoch, version, digest and split that was asked for: `switchTo` closes what is open.
 * 2. A request that was routed before a switch and ends after it counts in no window (`late` counts it).
 * Times are milliseconds since the epoch, passed in.
 */
export class Windows {
  readonly #runner: string;
  readonly #model: string;
  #open = new Map<Role, OpenWindow>();
  #generation = 0;
  #openedAt: number;
  /** Requests that ended after the traffic they were routed under. */
  late = 0;

  constructor(runner: string, model: string, at: number) {
    this.#runner = runner;
    this.#model = model;
    this.#openedAt = at;
  }

  /** To be taken when a request is routed. */
  ticket(role: Role): Ticket {
    return { role, generation: this.#generation };
  }

  /**
   * Counts a request that ended. One that failed is an error; if it had missed the latency threshold by then, its waiting time stands
   * in the latencies as a lower bound, so that a version that answers hardly anybody does not look fast.
   */
  record({ role, generation }: Ticket, { answered, latencyMs }: Ending): void {
    const window = generation === this.#generation ? this.#open.get(role) : undefined;
    if (window === undefined) {
      this.late++;
      return;
    }
    window.requests++;
    const withinThreshold = latencyMs <= window.labels.latencyThresholdMs;
    if (answered || !withinThreshold) addLatency(window.latency, latencyMs);
    if (!answered) window.errors++;
    else if (withinThreshold) window.withinSlo++;
  }

  /** Closes what is open and measures other traffic from now on. @returns the closed windows */
  switchTo(
    traffic: MeasuredTraffic,
    latencyThresholdMs: number,
    ready: ReadonlySet<Role>,
    at: number,
  ): TelemetryWindow[] {
    const closed = this.#close(ready, at);
    this.#generation++;
    this.#open = new Map(
      labelsOf(traffic, latencyThresholdMs).map(([role, labels]) => [
        role,
        freshWindow({ kind: 'window', runner: this.#runner, model: this.#model, ...labels }),
      ]),
    );
    return closed;
  }

  /**
   * Closes what is open and goes on with the same traffic.
   * @param ready versions that could have answered: their windows are given even when empty, so that "no traffic" differs from
   * "nobody there"
   */
  roll(ready: ReadonlySet<Role>, at: number): TelemetryWindow[] {
    const closed = this.#close(ready, at);
    this.#open = new Map([...this.#open].map(([role, { labels }]) => [role, freshWindow(labels)]));
    return closed;
  }

  #close(ready: ReadonlySet<Role>, at: number): TelemetryWindow[] {
    const [from, to] = [this.#openedAt, at].map((time) => new Date(time).toISOString());
    this.#openedAt = at;
    if (from === undefined || to === undefined) return [];
    return [...this.#open]
      .filter(([role, { requests }]) => requests > 0 || (ready.has(role) && from !== to))
      .map(([, { labels, ...counts }]) => ({ ...labels, from, to, ...counts }));
  }
}

function freshWindow(labels: Labels): OpenWindow {
  return { labels, requests: 0, errors: 0, withinSlo: 0, latency: emptySketch() };
}

function labelsOf(
  { stable, candidate, excluded }: MeasuredTraffic,
  latencyThresholdMs: number,
): [Role, Omit<Labels, 'kind' | 'runner' | 'model'>][] {
  const common = { latencyThresholdMs, ...(excluded === undefined ? {} : { excluded }) };
  const labels: [Role, Omit<Labels, 'kind' | 'runner' | 'model'>][] = [];
  if (stable !== undefined) {
    labels.push(['stable', { ...common, version: stable.version, digest: stable.digest, mode: 'live' }]);
  }
  if (candidate !== undefined) {
    const { version, digest, rolloutId, stageEpoch, mirror } = candidate;
    labels.push(['candidate', { ...common, version, digest, rolloutId, stageEpoch, mode: mirror ? 'mirror' : 'live' }]);
  }
  return labels;
}
