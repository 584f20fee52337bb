import { randomUUID } from 'node:crypto';
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

/** A clock that was set back by less goes on from where it was, in milliseconds. */
const LITTLE_MS = 1000;

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

type Labels = Omit<TelemetryWindow, 'series' | 'from' | 'to' | 'requests' | 'errors' | 'withinSlo' | 'latency'>;

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
 * 3. Windows of a series end one after the other, because of those that do not, readers count one. A clock that was set back a little waits;
 *    one that was set back further begins another series, whose windows count too: what is lost is where the first of them began.
 * Times are milliseconds since the epoch, passed in.
 */
export class Windows {
  readonly #runner: string;
  readonly #model: string;
  readonly #onSetBack: (bySeconds: number) => void;
  #series: string = randomUUID();
  #open = new Map<Role, OpenWindow>();
  #generation = 0;
  #openedAt: number;
  /** Requests that ended after the traffic they were routed under. */
  late = 0;

  /** @param onSetBack told when the clock that `at` comes from was set back, and another series began */
  constructor(runner: string, model: string, at: number, onSetBack: (bySeconds: number) => void = () => {}) {
    this.#runner = runner;
    this.#model = model;
    this.#onSetBack = onSetBack;
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
    const { from, to, series } = this.#spanUntil(at);
    this.#openedAt = to;
    const [fromIso, toIso] = [new Date(from).toISOString(), new Date(to).toISOString()];
    return [...this.#open]
      .filter(([role, { requests }]) => requests > 0 || (ready.has(role) && from !== to))
      .map(([, { labels, ...counts }]) => ({ ...labels, series, from: fromIso, to: toIso, ...counts }));
  }

  /** The span of what is closed now. It ends later than the one before, or is the first of its series. */
  #spanUntil(at: number): { from: number; to: number; series: string } {
    const from = this.#openedAt;
    const setBackMs = from - at;
    if (setBackMs > LITTLE_MS) {
      this.#series = randomUUID();
      this.#onSetBack(setBackMs / 1000);
      return { from: at, to: at, series: this.#series };
    }
    const hasRequests = [...this.#open.values()].some(({ requests }) => requests > 0);
    return { from, to: Math.max(at, hasRequests ? from + 1 : from), series: this.#series };
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
    const { version, digest } = stable;
    labels.push(['stable', { ...common, version, digest, besideEpoch: candidate?.stageEpoch ?? 0, mode: 'live' }]);
  }
  if (candidate !== undefined) {
    const { version, digest, rolloutId, stageEpoch, mirror } = candidate;
    labels.push(['candidate', { ...common, version, digest, rolloutId, stageEpoch, mode: mirror ? 'mirror' : 'live' }]);
  }
  return labels;
}
