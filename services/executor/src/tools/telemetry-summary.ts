import {
  emptySketch,
  type LatencySketch,
  mergeSketches,
  quantile,
  quantileInterval,
  type TelemetryWindow,
} from '@conclave/contracts';

/** Windows merged. Shares 0 to 1, latencies in milliseconds; null where nothing was measured. */
export interface TelemetrySummary {
  readonly windows: number;
  readonly from: string;
  readonly to: string;
  readonly requests: number;
  readonly liveRequests: number;
  readonly errors: number;
  readonly sloCompliance: number | null;
  readonly latencyMs: { readonly p50: number | null; readonly p95: number | null; readonly p99: number | null };
  /** 95% interval of p95. */
  readonly p95IntervalMs: { readonly low: number; readonly high: number } | null;
}

/** Undefined when there is no window. */
export function summarise(windows: readonly TelemetryWindow[]): TelemetrySummary | undefined {
  const [first] = windows;
  if (first === undefined) return undefined;
  const sum = (of: (window: TelemetryWindow) => number): number => windows.reduce((total, w) => total + of(w), 0);
  const requests = sum((w) => w.requests);
  const sketch = windows.reduce<LatencySketch>((merged, w) => mergeSketches(merged, w.latency), emptySketch());
  const latest = (a: string, b: string): string => (Date.parse(a) > Date.parse(b) ? a : b);
  return {
    windows: windows.length,
    from: windows.map((w) => w.from).reduce((a, b) => (latest(a, b) === a ? b : a)),
    to: windows.map((w) => w.to).reduce(latest),
    requests,
    liveRequests: sum((w) => (w.mode === 'live' ? w.requests : 0)),
    errors: sum((w) => w.errors),
    sloCompliance: requests === 0 ? null : sum((w) => w.withinSlo) / requests,
    latencyMs: {
      p50: quantile(sketch, 0.5) ?? null,
      p95: quantile(sketch, 0.95) ?? null,
      p99: quantile(sketch, 0.99) ?? null,
    },
    p95IntervalMs: quantileInterval(sketch, 0.95) ?? null,
  };
}
