import {
  addLatency,
  emptySketch,
  type LatencySketch,
  mergeSketches,
  milliseconds,
  quantile,
} from '@conclave/contracts';
import type { SplitLine } from './split.ts';

/** Seconds that the live figures look back. */
export const LIVE_SECONDS = 10;

interface Second {
  readonly second: number;
  latency: LatencySketch;
}

/** What answers took and who gave them: since the beginning, over the last seconds, and since the asked split last changed. */
export class LoadMeter {
  readonly whole = emptySketch();
  #seconds: readonly Second[] = [];
  #asked = '';
  #byVersion: Record<string, number> = {};

  answered(version: string, latencyMs: number, nowMs: number): void {
    addLatency(this.whole, latencyMs);
    const second = Math.floor(nowMs / 1000);
    let last = this.#seconds.at(-1);
    if (last?.second !== second) {
      last = { second, latency: emptySketch() };
      this.#seconds = [...this.#seconds.filter((one) => one.second > second - LIVE_SECONDS), last];
    }
    addLatency(last.latency, latencyMs);
    this.#byVersion[version] = (this.#byVersion[version] ?? 0) + 1;
  }

  /** Latencies of the last seconds. */
  recent(nowMs: number): LatencySketch {
    const since = Math.floor(nowMs / 1000) - LIVE_SECONDS;
    return this.#seconds
      .filter((one) => one.second > since)
      .reduce((all, one) => mergeSketches(all, one.latency), emptySketch());
  }

  /** What was measured under the split that is asked for now; another one begins anew. */
  split(
    asked: readonly SplitLine[],
  ): { readonly version: string; readonly asked: string; readonly measured: number }[] {
    const key = JSON.stringify(asked);
    if (this.#asked !== '' && key !== this.#asked) this.#byVersion = {};
    this.#asked = key;
    const total = Object.values(this.#byVersion).reduce((sum, count) => sum + count, 0);
    const measured = (version: string): number => (total === 0 ? 0 : (this.#byVersion[version] ?? 0) / total);
    const strangers = Object.keys(this.#byVersion).filter((version) => !asked.some((one) => one.version === version));
    return [
      ...asked.map((one) => ({ version: one.version, asked: one.asked, measured: measured(one.version) })),
      ...strangers.map((version) => ({ version, asked: 'nothing', measured: measured(version) })),
    ];
  }
}

/** `P50 3.1 ms  P95 8.2 ms  P99 14 ms`, or that nothing was answered. */
export function percentilesText(latency: LatencySketch): string {
  if (latency.count === 0) return 'no answer';
  return [50, 95, 99].map((p) => `P${p} ${milliseconds(quantile(latency, p / 100) ?? 0)}`).join('  ');
}
