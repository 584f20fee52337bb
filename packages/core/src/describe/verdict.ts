import type { RecordedGate, Verdict } from '@conclave/contracts';
import { bounds, percent } from './words.ts';

export type Measure = 'score' | 'latency' | 'share' | 'incidents' | 'rollback_test' | 'difference';

/** What a verdict measures: from its gate if given, else from the guide's gate names and the source of the evidence. */
export function measureOf(verdict: Pick<Verdict, 'gate' | 'source' | 'operator'>, gate?: RecordedGate): Measure {
  if (gate?.source === 'telemetry') return gate.metric === 'latency_p95_ms' ? 'latency' : 'share';
  if (gate?.source === 'evaluation') return 'score';
  if (gate?.source === 'comparison') return 'difference';
  if (gate?.source === 'incidents' || gate?.source === 'rollback_test') return gate.source;
  const { gate: name, source, operator } = verdict;
  if (name === 'no_loss_vs_stable') return 'difference';
  if (name === 'rollback_test' || source.startsWith('rollback')) return 'rollback_test';
  if (name === 'p0_incidents' || source === 'incidents') return 'incidents';
  if (name === 'slo_compliance' || (source === 'telemetry' && operator === '>=')) return 'share';
  return name.startsWith('latency') || source === 'telemetry' ? 'latency' : 'score';
}

/**
 * The gate line, e.g. `ndcg@10 0.741 [0.711-0.770] n=600, needs >= 0.72`. Digits are added until the printed value stands on
 * the same side of the threshold as the measured one: 0.7197 is not shown as 0.720 beside `>= 0.72`.
 */
export function describeVerdict(verdict: Verdict, gate?: RecordedGate): string {
  const measure = measureOf(verdict, gate);
  const needs = `needs ${describeThreshold(measure, verdict.operator, verdict.threshold)}`;
  if (verdict.value === null) return `${verdict.gate} not measured yet${sampleCount(verdict, measure)}, ${needs}`;
  return `${verdict.gate} ${describeValue(verdict, measure)}${sampleCount(verdict, measure)}, ${needs}`;
}

function sampleCount({ samples, minSamples, value }: Verdict, measure: Measure): string {
  if (measure === 'incidents') return '';
  if (value === null && samples === 0) return '';
  return samples < minSamples ? ` n=${samples} of ${minSamples}` : ` n=${samples}`;
}

/** The condition alone: `>= 0.72`, `< 50 ms`, `>= 99%`, `0`, `passed`. */
export function describeThreshold(measure: Measure, operator: Verdict['operator'], threshold: number): string {
  if (measure === 'rollback_test') return 'passed';
  if (measure === 'incidents') return String(threshold);
  if (measure === 'latency') return `${operator} ${threshold} ms`;
  return measure === 'share' ? `${operator} ${percent(threshold)}` : `${operator} ${threshold}`;
}

/** Value with unit and interval: `3.2 ms [2.9-3.6]`, `99.8% [99.1-99.9]`, `0 open`, `passed`; `-` when there is none. */
export function describeValue(verdict: Verdict, measure: Measure): string {
  const { value, interval, threshold, operator } = verdict;
  if (value === null) return '-';
  if (measure === 'rollback_test') return value >= threshold ? 'passed' : 'failed';
  if (measure === 'incidents') return `${value} open`;
  const scale = measure === 'share' ? 100 : 1;
  const digits = faithfulDigits(
    value * scale,
    threshold * scale,
    operator,
    measure === 'latency' || measure === 'share' ? 1 : 3,
  );
  const unit = measure === 'latency' ? ' ms' : measure === 'share' ? '%' : '';
  const sign = measure === 'difference' && value > 0 ? '+' : '';
  const range = interval === null ? '' : ` ${bounds(interval.low, interval.high, (v) => (v * scale).toFixed(digits))}`;
  return `${sign}${(value * scale).toFixed(digits)}${unit}${range}`;
}

function faithfulDigits(value: number, threshold: number, operator: Verdict['operator'], least: number): number {
  const holds = (v: number): boolean =>
    operator === '<' ? v < threshold : operator === '<=' ? v <= threshold : v >= threshold;
  let digits = least;
  while (digits < 8 && holds(Number(value.toFixed(digits))) !== holds(value)) digits++;
  return digits;
}
