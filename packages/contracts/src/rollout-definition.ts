import { z } from 'zod';
import { digest, gateName, modelName, versionName } from './names.ts';
import { STAGES, stageName } from './stages.ts';

const gateBase = {
  name: gateName,
  /** A gate that is not required is shown but does not decide. */
  required: z.boolean().default(true),
  /** Measured and shown; never decides. */
  dryRun: z.boolean().default(false),
};

const evaluationGate = z.strictObject({
  ...gateBase,
  source: z.literal('evaluation'),
  /** Trec_eval's linear gain, or by name the exponential form 2^grade - 1. */
  metric: z.enum(['ndcg@10', 'ndcg@10_exponential']),
  operator: z.literal('>=').default('>='),
  threshold: z.number().min(0).max(1),
  /** Queries with at least one relevant document. */
  minSamples: z.number().int().min(1).default(50),
});

const telemetryGate = z.strictObject({
  ...gateBase,
  source: z.literal('telemetry'),
  metric: z.enum(['latency_p95_ms', 'slo_compliance']),
  operator: z.enum(['<', '>=']),
  threshold: z.number().positive(),
  /** Requests in the stage before the gate says anything. */
  minSamples: z.number().int().min(1).default(200),
  /** Consecutive failing measurements that make a breach. */
  consecutiveFailures: z.number().int().min(1).default(3),
});

const incidentGate = z.strictObject({
  ...gateBase,
  source: z.literal('incidents'),
  metric: z.literal('open_p0_incidents').default('open_p0_incidents'),
  operator: z.literal('<=').default('<='),
  threshold: z.literal(0).default(0),
});

const rollbackTestGate = z.strictObject({
  ...gateBase,
  source: z.literal('rollback_test'),
  metric: z.literal('rollback_test_passed').default('rollback_test_passed'),
  operator: z.literal('>=').default('>='),
  threshold: z.literal(1).default(1),
});

const comparisonGate = z.strictObject({
  ...gateBase,
  source: z.literal('comparison'),
  metric: z.literal('ndcg@10_difference').default('ndcg@10_difference'),
  operator: z.literal('>=').default('>='),
  /** Loss against stable that is tolerated, in NDCG points; the gate fails only on a significant larger loss. */
  threshold: z.number().max(0).default(0),
  /** Significance level of the one-sided paired permutation test. */
  alpha: z.number().gt(0).lt(1).default(0.05),
  minSamples: z.number().int().min(1).default(50),
});

export const gate = z.discriminatedUnion('source', [
  evaluationGate,
  telemetryGate,
  incidentGate,
  rollbackTestGate,
  comparisonGate,
]);
export type Gate = z.infer<typeof gate>;
export type GateOf<S extends Gate['source']> = Extract<Gate, { source: S }>;

/** The guide's gates. */
export const DEFAULT_GATES: readonly Gate[] = [
  gate.parse({ name: 'ndcg@10', source: 'evaluation', metric: 'ndcg@10', threshold: 0.72 }),
  gate.parse({ name: 'latency_p95_ms', source: 'telemetry', metric: 'latency_p95_ms', operator: '<', threshold: 50 }),
  gate.parse({
    name: 'slo_compliance',
    source: 'telemetry',
    metric: 'slo_compliance',
    operator: '>=',
    threshold: 0.99,
  }),
  gate.parse({ name: 'p0_incidents', source: 'incidents' }),
  gate.parse({ name: 'rollback_test', source: 'rollback_test' }),
  gate.parse({ name: 'no_loss_vs_stable', source: 'comparison' }),
];

const stage = z.strictObject({
  name: stageName,
  /** How long the stage must serve before it may be left, in seconds. Default: the configuration's `pace.soakSeconds`. */
  soakSeconds: z.number().positive().optional(),
});

export const authority = z.enum(['observe', 'recommend', 'act']);

const stagesInOrder = z
  .array(stage)
  .min(2)
  .refine(
    (list) => {
      const places = list.map((s) => STAGES.indexOf(s.name));
      return (
        places[0] === 0 &&
        places.at(-1) === STAGES.length - 1 &&
        places.every((p, i) => i === 0 || p > (places[i - 1] ?? -1))
      );
    },
    `must start with shadow, end with production and keep the order ${STAGES.join(', ')}`,
  );

/** Sources that measure the candidate: no open incident and a passed swap to stable say nothing of how good it is. */
const MEASURING: ReadonlySet<Gate['source']> = new Set(['evaluation', 'telemetry', 'comparison']);

/** Whether a gate decides, and on a measurement of the candidate. */
export function isDecidingMeasurement({ source, required, dryRun }: Gate): boolean {
  return MEASURING.has(source) && required && !dryRun;
}

const spec = z
  .strictObject({
    model: modelName,
    version: versionName,
    /** Pins the bundle; when absent the digest registered for the version is pinned at apply. */
    digest: digest.optional(),
    /** Dataset name or digest for offline gates; its documents are what the model searches. */
    dataset: z.union([digest, modelName]),
    authority: authority.default('recommend'),
    stages: stagesInOrder.default(STAGES.map((name) => ({ name }))),
    gates: z
      .array(gate)
      .min(1)
      .refine((list) => new Set(list.map((g) => g.name)).size === list.length, 'gate names must differ')
      .default([...DEFAULT_GATES]),
  })
  // Missing data passes no gate; without a gate that measures, there would be none to pass.
  .refine((whole) => whole.authority === 'observe' || whole.gates.some(isDecidingMeasurement), {
    path: ['gates'],
    error:
      'no gate that decides measures the candidate, so it would reach production unmeasured; let at least one gate of source evaluation, telemetry or comparison be required and no dry run, or set authority: observe',
  });

/** `kind: ModelRollout`, as a user writes it. */
export const rolloutDefinition = z.strictObject({
  apiVersion: z.literal('conclave/v1'),
  kind: z.literal('ModelRollout'),
  metadata: z.strictObject({ name: modelName }),
  spec,
});
export type RolloutDefinition = z.infer<typeof rolloutDefinition>;

/** A definition with everything pinned: what is recorded and acted on. */
export const pinnedRollout = z.object({
  name: modelName,
  model: modelName,
  version: versionName,
  digest,
  datasetName: z.string(),
  dataset: digest,
  authority,
  stages: z.array(z.object({ name: stageName, soakSeconds: z.number().positive() })).min(2),
  gates: z.array(gate).min(1),
});
export type PinnedRollout = z.infer<typeof pinnedRollout>;
