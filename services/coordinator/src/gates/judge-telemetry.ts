import { type GateOf, quantile, quantileInterval } from '@conclave/contracts';
import { duration, type Rollout } from '@conclave/core';
import { type JudgeContext, type Judged, withoutValue } from './judged.ts';
import type { StageTelemetry, TrafficTotals } from './stage-telemetry.ts';

/** Standard normal quantiles of two-sided 95%, 99% and 99.9% intervals. */
const Z95 = 1.96;
const BLOCK_Z = 2.58;
const BREACH_Z = 3.29;

interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly text: string;
}

/*
 * An online gate over the whole stage epoch:
 * 1. passes on the point estimate of all its requests, with at least `minSamples`, if the newest is fresh;
 * 2. fails at once when even the 99.9% interval lies wholly on the wrong side; the gate is looked at with every window, so 95% would
 *    be missed by chance now and then, and by the first slow requests of a cold process;
 * 3. fails when the last `consecutiveFailures` blocks of `minSamples` requests each miss the threshold with their whole 99% interval, so
 *    that a version that turns bad late is not hidden by a good past; a week holds thousands of blocks, and by their mere figures a
 *    version somewhat above the threshold would miss three in a row almost surely;
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
  if (total === undefined) return withoutValue('pending', 'telemetry', noneYet(rollout, telemetry, context.now));
  const estimate = estimateOf(gate, total);
  const samples = samplesOf(gate, total);
  if (estimate === undefined) {
    // Errors that came fast leave no latency behind: they are no evidence of speed.
    const text = `none of ${total.requests} requests was answered`;
    return {
      ...withoutValue(total.requests < gate.minSamples ? 'running' : 'fail', 'telemetry', text),
      window: windowOf(total),
    };
  }
  const base = {
    value: estimate.value,
    interval: { low: estimate.low, high: estimate.high },
    samples,
    window: windowOf(total),
    source: 'telemetry',
  };
  const ageSeconds = (context.now.getTime() - Date.parse(telemetry.newest ?? total.to)) / 1000;
  if (samples < gate.minSamples) {
    const sentence = `${samples} of ${gate.minSamples} requests${quiet(total, context.now)}`;
    return { ...base, outcome: 'running', sentence };
  }
  const needs = `needs ${gate.operator} ${gate.threshold}`;
  if (missesWholly(gate, estimateOf(gate, total, BREACH_Z)))
    return { ...base, outcome: 'fail', sentence: `${estimate.text}, ${needs}: missed beyond doubt` };
  const recent = telemetry.blocks.slice(-gate.consecutiveFailures);
  if (
    recent.length === gate.consecutiveFailures &&
    recent.every((block) => missesWholly(gate, estimateOf(gate, block, BLOCK_Z)))
  ) {
    return {
      ...base,
      outcome: 'fail',
      sentence: `${estimate.text}, ${needs}: the last ${recent.length} blocks of ${gate.minSamples} requests missed it, each with its whole 99% interval`,
    };
  }
  if (ageSeconds > context.evidenceMaxAgeSeconds) {
    return {
      ...base,
      outcome: 'inconclusive',
      sentence: `no request has arrived for ${duration(quietSeconds(total, context.now))}, and no runner has said so for ${duration(ageSeconds)}; evidence of at most ${context.evidenceMaxAgeSeconds} s counts: is the runner alive?`,
    };
  }
  if (misses(gate, estimate))
    return {
      ...base,
      outcome: 'running',
      sentence: `${estimate.text}, ${needs}: not decided yet${quiet(total, context.now)}`,
    };
  return { ...base, outcome: 'pass', sentence: `${estimate.text}, ${needs}` };
}

/** A shorter silence is not worth a word: windows of ten seconds come late by up to as many. */
const QUIET_SECONDS = 20;

function noneYet({ firstServedAt }: Rollout, { stableRequests }: StageTelemetry, now: Date): string {
  const seconds = firstServedAt === undefined ? 0 : (now.getTime() - Date.parse(firstServedAt)) / 1000;
  const since =
    seconds < QUIET_SECONDS ? 'no request has arrived yet' : `no request has arrived for ${duration(seconds)}`;
  return stableRequests === 0
    ? `${since}: send traffic`
    : `${since} at the candidate, while stable answered ${stableRequests}`;
}

/** When nothing comes any more, more of the same waiting will not decide the gate. */
function quiet(totals: TrafficTotals, now: Date): string {
  const seconds = quietSeconds(totals, now);
  return seconds < QUIET_SECONDS ? '' : `; no request has arrived for ${duration(seconds)}`;
}

function quietSeconds({ to }: TrafficTotals, now: Date): number {
  return (now.getTime() - Date.parse(to)) / 1000;
}

/** How many requests say something about the metric. */
function samplesOf(gate: GateOf<'telemetry'>, totals: TrafficTotals): number {
  return gate.metric === 'latency_p95_ms' ? totals.latency.count : totals.requests;
}

function windowOf(totals: TrafficTotals): { from: string; to: string } {
  return { from: totals.from, to: totals.to };
}

function estimateOf(gate: GateOf<'telemetry'>, totals: TrafficTotals, z = Z95): Estimate | undefined {
  if (gate.metric === 'latency_p95_ms') {
    const value = quantile(totals.latency, 0.95);
    const interval = quantileInterval(totals.latency, 0.95, z);
    if (value === undefined || interval === undefined) return undefined;
    return {
      value,
      ...interval,
      text: `P95 ${value.toFixed(1)} ms [${interval.low.toFixed(1)}-${interval.high.toFixed(1)}] over ${totals.requests} requests`,
    };
  }
  const interval = wilson(totals.withinSlo, totals.requests, z);
  const value = totals.withinSlo / totals.requests;
  return { value, ...interval, text: `${(value * 100).toFixed(2)}% of ${totals.requests} requests within the SLO` };
}

function misses(gate: GateOf<'telemetry'>, estimate: Estimate | undefined): boolean {
  return estimate === undefined || !satisfies(gate, estimate.value);
}

function missesWholly(gate: GateOf<'telemetry'>, estimate: Estimate | undefined): boolean {
  return estimate === undefined || (!satisfies(gate, estimate.low) && !satisfies(gate, estimate.high));
}

function satisfies(gate: GateOf<'telemetry'>, value: number): boolean {
  return gate.operator === '<' ? value < gate.threshold : value >= gate.threshold;
}

/** Score interval of a proportion (Wilson 1927); z = 1.96 gives 95%. */
export function wilson(successes: number, n: number, z = Z95): { low: number; high: number } {
  const p = successes / n;
  const centre = p + (z * z) / (2 * n);
  const spread = z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  const scale = 1 + (z * z) / n;
  return { low: Math.max(0, (centre - spread) / scale), high: Math.min(1, (centre + spread) / scale) };
}
