import { type GateOf, quantile, quantileInterval, type Rollout } from '@conclave/contracts';
import { type JudgeContext, type Judged, withoutValue } from './judged.ts';
import type { StageTelemetry, TrafficTotals } from './stage-telemetry.ts';

interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly text: string;
}

/*
 * An online gate over the whole stage epoch:
 * 1. passes on the point estimate of all its requests, with at least `minSamples`, if the newest is fresh;
 * 2. fails at once when the whole 95% interval lies on the wrong side;
 * 3. fails when the last `consecutiveFailures` blocks of `minSamples` requests each miss the threshold, so that a
 *    version that turns bad late is not hidden by a good past;
 * 4. otherwise goes on running. No requests are `pending`, stale ones `inconclusive`; neither passes.
 */
export function judgeTelemetry(
  gate: GateOf<'telemetry'>,
  rollout: Rollout,
  telemetry: StageTelemetry,
  context: JudgeContext,
): Judged {
  const { total } = telemetry;
  if (rollout.servingSince === undefined) return withoutValue('pending', 'telemetry', 'the stage does not serve yet');
  if (total === undefined)
    return withoutValue('pending', 'telemetry', 'no request has reached the candidate in this stage: send traffic');
  const estimate = estimateOf(gate, total);
  if (estimate === undefined)
    return { ...withoutValue('fail', 'telemetry', 'no request was answered', total.requests), window: windowOf(total) };
  const base = {
    value: estimate.value,
    interval: { low: estimate.low, high: estimate.high },
    samples: total.requests,
    window: windowOf(total),
    source: 'telemetry',
  };
  const ageSeconds = (context.now.getTime() - Date.parse(telemetry.newest ?? total.to)) / 1000;
  if (total.requests < gate.minSamples) {
    return { ...base, outcome: 'running', sentence: `${total.requests} of ${gate.minSamples} requests` };
  }
  const needs = `needs ${gate.operator} ${gate.threshold}`;
  if (missesWholly(gate, estimate))
    return { ...base, outcome: 'fail', sentence: `${estimate.text}, ${needs}: the whole interval misses it` };
  const recent = telemetry.blocks.slice(-gate.consecutiveFailures);
  if (recent.length === gate.consecutiveFailures && recent.every((block) => misses(gate, estimateOf(gate, block)))) {
    return {
      ...base,
      outcome: 'fail',
      sentence: `${estimate.text}, ${needs}: the last ${recent.length} blocks of ${gate.minSamples} requests missed it`,
    };
  }
  if (ageSeconds > context.evidenceMaxAgeSeconds) {
    return {
      ...base,
      outcome: 'inconclusive',
      sentence: `the newest window is ${Math.round(ageSeconds)} s old, at most ${context.evidenceMaxAgeSeconds} s count: is the runner alive?`,
    };
  }
  if (misses(gate, estimate))
    return { ...base, outcome: 'running', sentence: `${estimate.text}, ${needs}: not decided yet` };
  return { ...base, outcome: 'pass', sentence: `${estimate.text}, ${needs}` };
}

function windowOf(totals: TrafficTotals): { from: string; to: string } {
  return { from: totals.from, to: totals.to };
}

function estimateOf(gate: GateOf<'telemetry'>, totals: TrafficTotals): Estimate | undefined {
  if (gate.metric === 'latency_p95_ms') {
    const value = quantile(totals.latency, 0.95);
    const interval = quantileInterval(totals.latency, 0.95);
    if (value === undefined || interval === undefined) return undefined;
    return {
      value,
      ...interval,
      text: `P95 ${value.toFixed(1)} ms [${interval.low.toFixed(1)}-${interval.high.toFixed(1)}] over ${totals.requests} requests`,
    };
  }
  const interval = wilson(totals.withinSlo, totals.requests);
  const value = totals.withinSlo / totals.requests;
  return { value, ...interval, text: `${(value * 100).toFixed(2)}% of ${totals.requests} requests within the SLO` };
}

function misses(gate: GateOf<'telemetry'>, estimate: Estimate | undefined): boolean {
  return estimate === undefined || !satisfies(gate, estimate.value);
}

function missesWholly(gate: GateOf<'telemetry'>, { low, high }: Estimate): boolean {
  return !satisfies(gate, low) && !satisfies(gate, high);
}

function satisfies(gate: GateOf<'telemetry'>, value: number): boolean {
  return gate.operator === '<' ? value < gate.threshold : value >= gate.threshold;
}

/** 95% score interval of a proportion (Wilson 1927). */
export function wilson(successes: number, n: number): { low: number; high: number } {
  const z = 1.96;
  const p = successes / n;
  const centre = p + (z * z) / (2 * n);
  const spread = z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  const scale = 1 + (z * z) / n;
  return { low: Math.max(0, (centre - spread) / scale), high: Math.min(1, (centre + spread) / scale) };
}
