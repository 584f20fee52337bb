import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ToolName } from '@conclave/contracts';
import type { ToolCall } from '@conclave/core';
import { judgeCriteria } from './judge-criteria.ts';

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
const compared = call('run_evaluation', {
  metrics: { 'ndcg@10': { value: 0.75 } },
  comparison: { difference: { value: 0.01, low: -0.02, high: 0.04 } },
});
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
    ['error rate < 1%', [metrics], 'met'],
    ['error rate < 0.1%', [metrics], 'unmet'],
    ['samples >= 100', [metrics], 'met'],
    ['at least 2000 requests collected', [metrics], 'unmet'],
    ['traffic split is 5% ± 1%', [metrics], 'met'],
    ['measured_share between 0.06 and 0.07', [metrics], 'unmet'],
    ['measured_share between 0.04 and 0.06', [], 'unmet'],
    ['smoke_test.errors == 0', [smoke], 'met'],
    ['all 5 smoke test queries return HTTP 200', [smoke], 'met'],
    ['emoji-search 1.1 is in shadow', [deployed], 'met'],
    ['deploy_model returns entered or already there', [deployed], 'met'],
    ['Evaluation completed successfully', [evaluation], 'met'],
    ['evaluation completes', [], 'unmet'],
    ['comparison with stable shows no significant loss', [compared], 'unmet'],
    ['ndcg@10_difference >= 0', [compared], 'met'],
    ['paired difference lower bound > 0', [compared], 'unmet'],
    ['rollback completed', [call('rollback_model', { outcome: 'rolled_back', rolloutId: 'r', serving: '1.0' })], 'met'],
    ['outcome == rolled_back', [], 'unjudged'],
    ['stable serves 100% of traffic', [deployed], 'unjudged'],
    ['stable serves 100% of traffic', [call('rollback_model', null, false)], 'unmet'],
    ['script exits with code 0', [call('run_python_script', {})], 'met'],
    ['exit_code == 0', [call('run_python_script', {}, false)], 'unmet'],
    ['Latency and SLO metrics are reported', [metrics], 'met'],
    ['P0 incidents == 0', [metrics], 'unjudged'],
    ['latency_p95_ms <= 1.1 * stable_p95', [metrics], 'unjudged'],
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
    ['P95 latency < 50 ms over at least 200 requests', ['P95 latency < 50 ms', 'at least 200 requests']],
    ['slo_compliance >= 0.99 (n >= 100)', ['slo_compliance >= 0.99', 'n >= 100']],
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

test('what cannot be judged says why', () => {
  const why = (text: string) => judgeCriteria(text, [metrics])[0]?.detail;
  assert.equal(
    why('latency_p95_ms <= 1.1 * stable_p95'),
    '"1.1 * stable_p95" is no number in the unit of latency_p95_ms',
  );
  assert.equal(why('happiness >= 3'), 'nothing measures "happiness"');
  assert.match(String(why('no P0 incidents open')), /the gate p0_incidents does/);
  assert.match(String(why('Everybody is happy')), /no comparison or statement/);
});

test('a flood of criteria is judged up to a number, and says so', () => {
  const judged = judgeCriteria(Array(1000).fill('a').join(','), []);
  assert.deepEqual([judged.length, judged.at(-1)?.text, judged.at(-1)?.verdict], [51, 'and 950 more', 'unjudged']);
});
