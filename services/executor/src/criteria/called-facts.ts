import { deployAnswer, rollbackAnswer } from '@conclave/contracts';
import type { ToolCall } from '@conclave/core';
import { z } from 'zod';
import type { Quantity } from './quantity.ts';

/** What the calls of an action established. Later calls replace earlier ones. */
export interface Facts {
  readonly numbers: Readonly<Partial<Record<Quantity, { readonly value: number; readonly source: string }>>>;
  readonly stage: string | undefined;
  readonly smokePassed: boolean | undefined;
  readonly rollbackTestPassed: boolean | undefined;
  readonly rolledBack: boolean | undefined;
  readonly fileExists: boolean | undefined;
  readonly scriptSucceeded: boolean | undefined;
  /** Calls that returned without success. */
  readonly failedCalls: readonly string[];
}

const metricsResult = z.object({
  requests: z.number(),
  errors: z.number(),
  sloCompliance: z.number().nullable(),
  latencyMs: z.object({ p50: z.number().nullable(), p95: z.number().nullable(), p99: z.number().nullable() }),
  measuredShare: z.number().nullable(),
});
const evaluationSummary = z.object({
  metrics: z.object({ 'ndcg@10': z.object({ value: z.number() }) }),
  comparison: z
    .object({ difference: z.object({ value: z.number(), low: z.number() }) })
    .nullish()
    .catch(undefined),
});
const smokeSummary = z.object({ errors: z.number() });
const fileSummary = z.object({ exists: z.boolean() });

type Numbers = Partial<Record<Quantity, { value: number; source: string }>>;

/** Reads the facts out of recorded results; a result of another shape establishes nothing. */
export function factsOf(calls: readonly ToolCall[]): Facts {
  let numbers: Numbers = {};
  let facts: Omit<Facts, 'numbers' | 'failedCalls'> = {
    stage: undefined,
    smokePassed: undefined,
    rollbackTestPassed: undefined,
    rolledBack: undefined,
    fileExists: undefined,
    scriptSucceeded: undefined,
  };
  const failedCalls: string[] = [];
  for (const { tool, callId, returned } of calls) {
    if (returned === undefined) continue;
    const { ok, result } = returned;
    if (!ok) failedCalls.push(callId);
    const note = (values: Partial<Record<Quantity, number | null>>): void => {
      numbers = { ...numbers, ...present(values, tool) };
    };
    switch (tool) {
      case 'collect_metrics': {
        const parsed = metricsResult.safeParse(result);
        if (!ok || !parsed.success) break;
        const { requests, errors, sloCompliance, latencyMs, measuredShare } = parsed.data;
        note({ error_rate: requests === 0 ? null : errors / requests });
        note({ requests, errors, slo_compliance: sloCompliance, measured_share: measuredShare });
        note({ latency_p50_ms: latencyMs.p50, latency_p95_ms: latencyMs.p95, latency_p99_ms: latencyMs.p99 });
        break;
      }
      case 'run_evaluation': {
        const parsed = evaluationSummary.safeParse(result);
        if (!ok || !parsed.success) break;
        const { metrics, comparison } = parsed.data;
        note({ 'ndcg@10': metrics['ndcg@10'].value });
        const { value = null, low = null } = comparison?.difference ?? {};
        note({ ndcg_difference: value, ndcg_difference_low: low });
        break;
      }
      case 'smoke_test': {
        const parsed = smokeSummary.safeParse(result);
        facts = { ...facts, smokePassed: ok };
        if (parsed.success && numbers.errors === undefined) note({ errors: parsed.data.errors });
        break;
      }
      case 'deploy_model': {
        const parsed = deployAnswer.safeParse(result);
        if (ok && parsed.success) facts = { ...facts, stage: parsed.data.stage ?? undefined };
        break;
      }
      case 'rollback_model':
        facts = { ...facts, rolledBack: ok && rollbackAnswer.safeParse(result).success };
        break;
      case 'run_rollback_test':
        facts = { ...facts, rollbackTestPassed: ok };
        break;
      case 'check_file':
        facts = { ...facts, fileExists: ok && fileSummary.safeParse(result).data?.exists === true };
        break;
      case 'run_python_script':
        facts = { ...facts, scriptSucceeded: ok };
        break;
    }
  }
  return { ...facts, numbers, failedCalls };
}

function present(values: Partial<Record<Quantity, number | null>>, source: string): Numbers {
  const entries = Object.entries(values).filter(([, value]) => value !== null);
  return Object.fromEntries(entries.map(([name, value]) => [name, { value, source }]));
}
