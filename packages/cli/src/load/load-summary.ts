import { ConclaveError } from '@conclave/contracts';
import { percent } from '@conclave/core';
import type { MeasuredSplit } from './meter.ts';

/** A rate counts as held from this share of it on. */
const HELD = 0.95;

/** What came of it, JSON-safe. */
export interface LoadSummary {
  readonly model: string;
  readonly dataset: string;
  readonly queries: number;
  readonly seconds: number;
  readonly rate: { readonly asked: number; readonly sent: number };
  readonly sent: number;
  readonly answered: number;
  readonly failed: number;
  readonly retried: number;
  readonly withheld: number;
  readonly lastFailure: string | null;
  readonly latencyMs: { readonly p50: number | null; readonly p95: number | null; readonly p99: number | null };
  readonly byVersion: Readonly<Record<string, number>>;
  /** Since the asked split last changed. */
  readonly split: readonly MeasuredSplit[];
}

/** @throws CVE_INFER_FAILED when a request failed; CVE_INFER_OVERLOADED when the rate was not held */
export function requireSound({ failed, sent, withheld, lastFailure, rate }: LoadSummary): void {
  if (failed > 0)
    throw new ConclaveError('CVE_INFER_FAILED', `${failed} of ${sent} requests failed; the last one: ${lastFailure}`);
  if (withheld > 0 && sent < HELD * (sent + withheld)) {
    throw new ConclaveError(
      'CVE_INFER_OVERLOADED',
      `the rate was not held: ${rate.sent} of ${rate.asked} a second, ${withheld} requests were withheld because 200 waited for an answer; ask for less with --rate, or look at the latencies`,
    );
  }
}

export function summaryText(summary: LoadSummary): string {
  const { seconds, rate, sent, failed, retried, withheld, latencyMs, split } = summary;
  const ms = (value: number | null): string => (value === null ? '-' : `${value} ms`);
  return [
    `${sent} requests in ${seconds} s: ${rate.sent} of ${rate.asked} a second`,
    `  answers  ${failed} failed, ${retried} answered by another runner, ${withheld} withheld`,
    `  latency  P50 ${ms(latencyMs.p50)}  P95 ${ms(latencyMs.p95)}  P99 ${ms(latencyMs.p99)}`,
    `  split    ${splitText(split)}`,
  ].join('\n');
}

export function splitText(split: LoadSummary['split']): string {
  if (split.length === 0) return 'no runner says what is asked';
  return split
    .map(({ version, asked, measured }) =>
      asked === 'copies' ? `${version} gets copies` : `${version} ${percent(measured)} (asked ${asked})`,
    )
    .join(', ');
}
