import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ToolCall, ToolName } from '@conclave/contracts';
import { judgeCriteria } from './judge.ts';

function call(tool: ToolName, result: unknown, ok = true): ToolCall {
  const returned = { ok, result, error: ok ? undefined : 'it broke', durationMs: 1 };
  return { callId: `a/${tool}`, tool, args: {}, reason: '', calledAt: '2026-01-01T00:00:00.000Z', returned };
}

const metrics = call('collect_metrics', {
  requests: 1000,
  errors: 2,
  sloCompliance: 0.995,
  latencyMs: { p50: 4, p95: 40, p99: 60 },
  measuredShare: 0.051,
});
const evaluation = call('run_evaluation', { metrics: { 'ndcg@10': { value: 0.75, low: 0.72, high: 0.78 } } });
const deployed = call('deploy_model', { outcome: 'entered', stage: 'shadow', stageEpoch: 1, missing: [] });
const smoke = call('smoke_test', { queries: 5, errors: 0 });

describe('one criterion', () => {
  const cases: readonly (readonly [string, readonly ToolCall[], 'met' | 'unmet' | 'unjudged'])[] = [
    ['NDCG@10 >= 0.72', [evaluation], 'met'],
    ['NDCG@10 >= 0.76', [evaluation], 'unmet'],
    ['NDCG@10 >= 72%', [evaluation], 'met'],
    ['NDCG@10 >= 0.72', [], 'unmet'],
    ['NDCG >= 0.72', [evaluation], 'met'],
    ['latency < 50ms', [metrics], 'met'],
    ['latency < 40ms', [metrics], 'unmet'],
    ['latency < 0.05s', [metrics], 'met'],
    ['latency < 50ms', [evaluation], 'unmet'],
    ['latency_p95_ms < 50', [metrics], 'met'],
    ['Latency P95 below 50 ms', [metrics], 'met'],
    ['p99 <= 50', [metrics], 'unmet'],
    ['slo >= 99%', [metrics], 'met'],
    ['SLO compliance >= 99.9%', [metrics], 'unmet'],
    ['SLO compliance at least 0.99', [metrics], 'met'],
    ['errors == 0', [metrics], 'unmet'],
    ['errors == 0', [smoke], 'met'],
    ['errors == 0', [deployed], 'unmet'],
    ['requests >= 200', [metrics], 'met'],
    ['stage == shadow', [deployed], 'met'],
    ['stage == 5%', [deployed], 'unmet'],
    ['stage == shadow', [], 'unmet'],
    ['Model deployed', [deployed], 'met'],
    ['Model deployed', [call('deploy_model', deployed.returned?.result, false)], 'unmet'],
    ['no errors', [deployed, smoke], 'met'],
    ['no errors', [deployed, metrics], 'unmet'],
    ['no errors', [call('check_file', null, false)], 'unmet'],
    ['smoke tests pass', [smoke], 'met'],
    ['smoke tests pass', [call('smoke_test', { errors: 1 }, false)], 'unmet'],
    ['smoke tests pass', [deployed], 'unmet'],
    ['All rollback tests pass', [call('run_rollback_test', {})], 'met'],
    ['rollback_test == passed', [], 'unmet'],
    ['All SLOs measured and logged', [metrics], 'met'],
    ['All SLOs measured and logged', [call('collect_metrics', { windows: 0 }, false)], 'unmet'],
    ['Everybody is happy', [metrics, evaluation, deployed, smoke], 'unjudged'],
    ['latency < 50 bananas', [metrics], 'unjudged'],
    ['latency < fifty', [metrics], 'unjudged'],
  ];
  for (const [text, calls, verdict] of cases) {
    test(`${text} after ${calls.map(({ tool }) => tool).join(', ') || 'nothing'} is ${verdict}`, () => {
      const [judged, ...rest] = judgeCriteria(text, calls);
      assert.deepEqual([judged?.verdict, rest.length], [verdict, 0], judged?.detail);
    });
  }
});

describe('several criteria', () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['NDCG@10 >= 0.72, latency < 50ms', ['NDCG@10 >= 0.72', 'latency < 50ms']],
    ['NDCG@10 >= 0.72 and latency < 50ms; no errors.', ['NDCG@10 >= 0.72', 'latency < 50ms', 'no errors']],
    ['Model deployed, no errors, smoke tests pass', ['Model deployed', 'no errors', 'smoke tests pass']],
    ['Bread and butter', ['Bread and butter']],
    ['', []],
  ];
  for (const [text, parts] of cases) {
    test(`"${text}" has ${parts.length}`, () => {
      assert.deepEqual(
        judgeCriteria(text, []).map((c) => c.text),
        parts,
      );
    });
  }
});

test('a verdict says what was measured and what was asked', () => {
  const [judged] = judgeCriteria('latency < 30ms', [metrics]);
  assert.equal(judged?.detail, 'latency_p95_ms is 40 (collect_metrics); asked < 30');
});
