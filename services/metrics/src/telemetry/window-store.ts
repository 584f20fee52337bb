import { emptySketch, type LatencySketch, mergeSketches, quantile, type TelemetryWindow } from '@conclave/contracts';
import { WindowOrder } from '@conclave/core';

/** What one version did in a span of time. */
export interface Series {
  readonly version: string;
  readonly mode: TelemetryWindow['mode'];
  readonly requests: number;
  readonly errors: number;
  readonly latencyP50Ms: number | null;
  readonly latencyP95Ms: number | null;
  /** Oldest first. A span without a request has no latency. */
  readonly points: readonly Point[];
}

export interface Point {
  /** End of the span, ISO 8601. */
  readonly at: string;
  readonly requests: number;
  readonly errors: number;
  readonly requestsPerSecond: number;
  readonly latencyP50Ms: number | null;
  readonly latencyP95Ms: number | null;
}

export interface RequestCount {
  readonly model: string;
  readonly version: string;
  readonly mode: TelemetryWindow['mode'];
  readonly requests: number;
  readonly errors: number;
}

const POINTS = 60;

/**
 * The windows of the last minutes, from all runners. Windows marked `excluded` count as requests, but not for latency and share:
 * they are no evidence.
 */
export class WindowStore {
  readonly keptMs: number;
  readonly #countedSince: Date;
  readonly #order = new WindowOrder();
  #windows: TelemetryWindow[] = [];
  readonly #counts = new Map<string, RequestCount>();

  /** @param countedSince start of this process: what ended before was counted by the one before it. */
  constructor(keptMs: number, countedSince: Date) {
    this.keptMs = keptMs;
    this.#countedSince = countedSince;
  }

  /** Each window counts once, however often it was stored. */
  add(window: TelemetryWindow): void {
    if (this.#order.refuse(window) !== undefined) return;
    const horizon = Date.parse(window.to) - this.keptMs;
    if (this.#windows.some((w) => Date.parse(w.to) < horizon))
      this.#windows = this.#windows.filter((w) => Date.parse(w.to) >= horizon);
    this.#windows.push(window);
    if (Date.parse(window.to) >= this.#countedSince.getTime()) this.#count(window);
  }

  #count({ model, version, mode, requests, errors }: TelemetryWindow): void {
    const key = JSON.stringify([model, version, mode]);
    const old = this.#counts.get(key);
    const count = {
      model,
      version,
      mode,
      requests: (old?.requests ?? 0) + requests,
      errors: (old?.errors ?? 0) + errors,
    };
    this.#counts.set(key, count);
  }

  /** Requests of the windows that ended since this process started, per model, version and mode. */
  counts(): readonly RequestCount[] {
    return [...this.#counts.values()];
  }

  /**
   * Share of live answers that a version gave since a moment, 0 to 1; null when nothing was answered in the time kept.
   * @param sinceIso ISO 8601; windows that began before do not count.
   */
  measuredShare(model: string, version: string, sinceIso: string): { share: number; requests: number } | null {
    const live = this.#windows.filter(
      (w) => w.model === model && w.mode === 'live' && w.excluded === undefined && w.from >= sinceIso,
    );
    const all = total(live);
    const requests = total(live.filter((w) => w.version === version));
    return all === 0 ? null : { share: requests / all, requests };
  }

  /** Models with a window in the time kept. */
  models(): string[] {
    return [...new Set(this.#windows.map((w) => w.model))].sort();
  }

  /** Per version and mode, in at most 60 spans of equal length up to now. */
  series(model: string, now: Date): Series[] {
    const own = this.#windows.filter((w) => w.model === model && now.getTime() - Date.parse(w.to) <= this.keptMs);
    const first = Math.min(...own.map((w) => Date.parse(w.from)));
    const spanMs = Math.max(1000, ...own.map((w) => Date.parse(w.to) - Date.parse(w.from)));
    const bucketMs = Math.ceil(Math.max(spanMs, (now.getTime() - first) / POINTS) / spanMs) * spanMs;
    const groups = Map.groupBy(own, (w) => JSON.stringify([w.version, w.mode]));
    return [...groups.values()].flatMap((windows) =>
      windows[0] === undefined ? [] : [seriesOf(windows[0], windows, bucketMs)],
    );
  }
}

function seriesOf({ version, mode }: TelemetryWindow, windows: readonly TelemetryWindow[], bucketMs: number): Series {
  const buckets = Map.groupBy(windows, (w) => Math.ceil(Date.parse(w.to) / bucketMs) * bucketMs);
  const points = [...buckets]
    .sort(([a], [b]) => a - b)
    .map(([end, inside]): Point => {
      const requests = total(inside);
      return {
        at: new Date(end).toISOString(),
        requests,
        errors: inside.reduce((sum, w) => sum + w.errors, 0),
        requestsPerSecond: requests / coveredSeconds(inside),
        ...latencies(inside),
      };
    });
  const errors = windows.reduce((sum, w) => sum + w.errors, 0);
  return { version, mode, requests: total(windows), errors, ...latencies(windows), points };
}

function coveredSeconds(windows: readonly TelemetryWindow[]): number {
  const from = Math.min(...windows.map((w) => Date.parse(w.from)));
  const to = Math.max(...windows.map((w) => Date.parse(w.to)));
  return Math.max(1, to - from) / 1000;
}

function latencies(windows: readonly TelemetryWindow[]): { latencyP50Ms: number | null; latencyP95Ms: number | null } {
  const counted = windows.filter((w) => w.excluded === undefined);
  const sketch = counted.reduce<LatencySketch>((all, w) => mergeSketches(all, w.latency), emptySketch());
  return { latencyP50Ms: quantile(sketch, 0.5) ?? null, latencyP95Ms: quantile(sketch, 0.95) ?? null };
}

function total(windows: readonly TelemetryWindow[]): number {
  return windows.reduce((sum, w) => sum + w.requests, 0);
}
