import { z } from 'zod';
import { digest, gateName, modelName, versionName } from './names.ts';
import { openObject, recordedName } from './open-object.ts';
import { STAGES, stageName } from './stages.ts';
import { comparison } from './verdict.ts';

/** Metrics of an offline evaluation that this version knows. */
export const OFFLINE_METRICS = ['ndcg@10', 'ndcg@10_exponential'] as const;

const OPERATOR = 'How the measured value must stand to the threshold.';

const gateBase = {
  name: gateName.describe('Name of the gate; each once in a rollout.'),
  dryRun: z.boolean().default(false).describe('Measured and shown; never decides.'),
};

/** A gate decides unless it is a dry run: a second way to say so would leave open which one counts. */
const strictly = {
  error: (issue: z.core.$ZodRawIssue): string | undefined =>
    issue.code === 'unrecognized_keys' && issue.keys.includes('required')
      ? 'a gate has no "required": every gate decides but one with dryRun: true; for required: false write dryRun: true, and leave required: true out'
      : undefined,
};

const evaluationGate = z.strictObject(
  {
    ...gateBase,
    source: z.literal('evaluation').describe('Measured offline on the pinned dataset.'),
    metric: z.enum(OFFLINE_METRICS).describe("Trec_eval's linear gain, or by name the exponential form 2^grade - 1."),
    operator: z.literal('>=').default('>=').describe(OPERATOR),
    threshold: z.number().min(0).max(1).describe('Least mean NDCG@10.'),
    minSamples: z.number().int().min(1).default(50).describe('Queries with at least one relevant document.'),
  },
  strictly,
);

const telemetryGate = z.strictObject(
  {
    ...gateBase,
    source: z.literal('telemetry').describe('Measured on the requests of this version in this stage.'),
    metric: z
      .enum(['latency_p95_ms', 'slo_compliance'])
      .describe('The 95th percentile of the latency in milliseconds, or the share of requests answered in time.'),
    operator: z.enum(['<', '>=']).describe(OPERATOR),
    threshold: z.number().positive().describe('Milliseconds, or a share from 0 to 1.'),
    minSamples: z.number().int().min(1).default(200).describe('Requests in the stage before the gate says anything.'),
    consecutiveFailures: z
      .number()
      .int()
      .min(1)
      .default(3)
      .describe('Consecutive failing measurements that make a breach.'),
  },
  strictly,
);

const incidentGate = z.strictObject(
  {
    ...gateBase,
    source: z.literal('incidents').describe('Looks at open P0 incidents.'),
    metric: z
      .literal('open_p0_incidents')
      .default('open_p0_incidents')
      .describe('Open P0 incidents of the model or of all.'),
    operator: z.literal('<=').default('<=').describe(OPERATOR),
    threshold: z.literal(0).default(0).describe('None may be open.'),
  },
  strictly,
);

const rollbackTestGate = z.strictObject(
  {
    ...gateBase,
    source: z.literal('rollback_test').describe('Traffic swapped to stable and back on every serving runner.'),
    metric: z.literal('rollback_test_passed').default('rollback_test_passed').describe('1 when the test passed.'),
    operator: z.literal('>=').default('>=').describe(OPERATOR),
    threshold: z.literal(1).default(1).describe('It must have passed.'),
  },
  strictly,
);

const comparisonGate = z.strictObject(
  {
    ...gateBase,
    source: z.literal('comparison').describe('Paired differences to what serves now, on the same queries.'),
    metric: z
      .literal('ndcg@10_difference')
      .default('ndcg@10_difference')
      .describe('Mean difference of NDCG@10 to stable.'),
    operator: z.literal('>=').default('>=').describe(OPERATOR),
    threshold: z
      .number()
      .max(0)
      .default(0)
      .describe(
        'Loss against stable that is tolerated, in NDCG points; the gate fails only on a significant larger loss.',
      ),
    alpha: z
      .number()
      .gt(0)
      .lt(1)
      .default(0.05)
      .describe('Significance level of the one-sided paired permutation test.'),
    minSamples: z.number().int().min(1).default(50).describe('Queries that both versions answered.'),
  },
  strictly,
);

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
  name: stageName.describe('Which stage.'),
  soakSeconds: z
    .number()
    .positive()
    .optional()
    .describe(
      "How long the stage must serve before it may be left, in seconds. Default: the configuration's `pace.soakSeconds`.",
    ),
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
export function isDecidingMeasurement({ source, dryRun }: Gate): boolean {
  return MEASURING.has(source) && !dryRun;
}

const spec = z
  .strictObject({
    model: modelName.describe('The model, as its bundle names it.'),
    version: versionName.describe(
      'The candidate; a version that was pushed. Quote it: 1.10 unquoted is the number 1.1.',
    ),
    digest: digest
      .optional()
      .describe('Pins the bundle; when absent the digest registered for the version is pinned at apply.'),
    dataset: z
      .union([digest, modelName])
      .describe('Dataset name or digest for offline gates; its documents are what the model searches.'),
    authority: authority
      .default('recommend')
      .describe(
        'Who may advance it: `observe` nobody beyond shadow, `recommend` a person after each vote, `act` the agents by themselves.',
      ),
    stages: stagesInOrder
      .default(STAGES.map((name) => ({ name })))
      .describe('The way to production: shadow first, production last, in the order of the default.'),
    gates: z
      .array(gate)
      .min(1)
      .refine((list) => new Set(list.map((g) => g.name)).size === list.length, 'gate names must differ')
      .default([...DEFAULT_GATES])
      .describe(
        'What every stage must show before it is left. At least one that decides must measure the candidate, unless authority is observe.',
      ),
  })
  // Missing data passes no gate; without a gate that measures, there would be none to pass.
  .refine((whole) => whole.authority === 'observe' || whole.gates.some(isDecidingMeasurement), {
    path: ['gates'],
    error:
      'no gate that decides measures the candidate, so it would reach production unmeasured; let at least one gate of source evaluation, telemetry or comparison be no dry run, or set authority: observe',
  });

/** `kind: ModelRollout`, as a user writes it. */
export const rolloutDefinition = z.strictObject({
  apiVersion: z.literal('conclave/v1').describe('Version of this format.'),
  kind: z.literal('ModelRollout').describe('What the file is.'),
  metadata: z
    .strictObject({ name: modelName.describe('Name of the rollout, for people and records.') })
    .describe('About the file.'),
  spec: spec.describe('The rollout.'),
});
export type RolloutDefinition = z.infer<typeof rolloutDefinition>;

/**
 * A gate as it stands in the journal. Its source and metric may be a later version's; `knownGate` tells whether this one can judge by it.
 */
export const recordedGate = openObject({
  name: gateName,
  source: recordedName,
  metric: recordedName,
  operator: comparison,
  threshold: z.number(),
  dryRun: z.boolean(),
  minSamples: z.number().optional(),
  consecutiveFailures: z.number().optional(),
  alpha: z.number().optional(),
});
export type RecordedGate = z.infer<typeof recordedGate>;

/** The gate if this version can judge by it; undefined for a source, a metric or a setting that it does not know. */
export function knownGate(recorded: RecordedGate): Gate | undefined {
  // Stood in every gate once, and says nothing: a gate decides unless it is a dry run.
  const { required: _said, ...own }: RecordedGate & { readonly required?: unknown } = recorded;
  const parsed = gate.safeParse(own);
  return parsed.success ? parsed.data : undefined;
}

/** A definition with everything pinned: what is recorded and acted on. */
export const pinnedRollout = openObject({
  name: modelName,
  model: modelName,
  version: versionName,
  digest,
  datasetName: z.string(),
  dataset: digest,
  authority,
  stages: z.array(openObject({ name: stageName, soakSeconds: z.number().positive() })).min(2),
  gates: z.array(recordedGate).min(1),
});
export type PinnedRollout = z.infer<typeof pinnedRollout>;
