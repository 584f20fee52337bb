import { addLatency, emptySketch, type LatencySketch, mergeSketches, quantile } from '@conclave/contracts';
import { milliseconds } from '@conclave/core';
import type { SplitLine } from './asked-split.ts';

/** Seconds that the live figures look back. */
export const LIVE_SECONDS = 10;

interface Second {
  readonly second: number;
  latency: LatencySketch;
}

/** A version's asked and measured share; measured is 0 to 1. */
export interface MeasuredSplit extends SplitLine {
  readonly measured: number;
}

/** What answers took and who gave them: since the beginning, over the last seconds, and since the asked split last changed. */
export class LoadMeter {
  readonly whole = emptySketch();
  #seconds: readonly Second[] = [];
  #asked: readonly SplitLine[] = [];
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

  /** Says which split is asked for; with another one its measurement begins anew. */
  ask(asked: readonly SplitLine[]): void {
    if (JSON.stringify(asked) !== JSON.stringify(this.#asked)) this.#byVersion = {};
    this.#asked = asked;
  }

  /** What was measured under the split that is asked for now. */
  split(): MeasuredSplit[] {
    const total = Object.values(this.#byVersion).reduce((sum, count) => sum + count, 0);
    const measured = (version: string): number => (total === 0 ? 0 : (this.#byVersion[version] ?? 0) / total);
    const strangers = Object.keys(this.#byVersion)
      .filter((version) => !this.#asked.some((one) => one.version === version))
      .map((version) => ({ version, asked: 'nothing' }));
    return [...this.#asked, ...strangers].map((one) => ({ ...one, measured: measured(one.version) }));
  }
}

/** `P50 3.1 ms  P95 8.2 ms  P99 14 ms`, or that nothing was answered. */
export function percentilesText(latency: LatencySketch): string {
  if (latency.count === 0) return 'no answer';
  return [50, 95, 99].map((p) => `P${p} ${milliseconds(quantile(latency, p / 100) ?? 0)}`).join('  ');
}
