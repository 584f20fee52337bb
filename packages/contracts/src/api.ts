import { z } from 'zod';
import { WHO_LENGTH, WHY_LENGTH } from './events/rollouts.ts';
import { digest, entityId, gateName, modelName, versionName } from './names.ts';
import { rolloutDefinition } from './rollout-definition.ts';
import { runnerServing } from './serving.ts';
import { stageName } from './stages.ts';
import { severity } from './submissions.ts';

/** Header that carries the caller's token on operators' verbs; the coordinator verifies it. */
export const TOKEN_HEADER = 'Conclave-Token';

const who = z.string().min(1).max(WHO_LENGTH);
const why = z.string().min(1).max(WHY_LENGTH);
/** The newest rollout of the model as the caller saw it: a request that arrives after another was applied, or is made again, does nothing. */
const meantRollout = z.string().min(1).optional();
/** A verdict set, or its first eight digits or more. */
const meantVerdicts = z
  .string()
  .regex(/^(sha256:)?[0-9a-f]{8,64}$/, 'must be a verdict set, or at least its first eight digits')
  .optional();

/**
 * Requests of `conclave.api.<verb>`. `operator`: needs a token. The others come from services, whose NATS permissions
 * decide who may call them.
 */
export const API = {
  status: { operator: false, request: z.strictObject({}).default({}) },
  explain: { operator: false, request: z.strictObject({ model: modelName }) },
  /** A stage asked for: entered, already there, or not eligible with the missing pieces. Idempotent. */
  deploy: {
    operator: false,
    request: z.strictObject({
      model: modelName,
      version: versionName,
      stage: stageName,
      requestedBy: who,
    }),
  },
  /** Ends the open rollout of the model; always accepted. */
  rollback: {
    operator: false,
    request: z.strictObject({
      model: modelName,
      reason: why,
      requestedBy: who,
      rolloutId: meantRollout,
    }),
  },
  handoff: { operator: false, request: z.unknown() },
  register_model: {
    operator: true,
    request: z.strictObject({
      model: modelName,
      version: versionName,
      digest,
      description: z.string().max(2000),
      bytes: z.number().int(),
    }),
  },
  register_dataset: {
    operator: true,
    request: z.strictObject({
      name: modelName,
      digest,
      description: z.string().max(2000),
      documents: z.number().int(),
      queries: z.number().int(),
      bytes: z.number().int(),
    }),
  },
  adopt: {
    operator: true,
    request: z.strictObject({ model: modelName, version: versionName, dataset: z.union([digest, modelName]) }),
  },
  /** Opens a rollout. `retry`: also one whose very definition was opened before and ended. */
  apply: { operator: true, request: z.strictObject({ definition: rolloutDefinition, retry: z.boolean().optional() }) },
  /** Ends the open rollout: stable serves everything again. */
  abort: { operator: true, request: z.strictObject({ model: modelName, reason: why, rolloutId: meantRollout }) },
  /** Takes production back from the version that completed its rollout to the one before it. */
  revert: { operator: true, request: z.strictObject({ model: modelName, reason: why, rolloutId: meantRollout }) },
  /**
   * Takes a model that cannot be served, or never was, off every runner and out of the status. Its bundles and its history stay. Refused
   * while a version of it serves.
   */
  forget: { operator: true, request: z.strictObject({ model: modelName, reason: why }) },
  /** A person's yes to the verdicts as they stand; with `verdicts`, only if these still stand. */
  approve: { operator: true, request: z.strictObject({ model: modelName, reason: why, verdicts: meantVerdicts }) },
  reject: { operator: true, request: z.strictObject({ model: modelName, reason: why, verdicts: meantVerdicts }) },
  pause: { operator: true, request: z.strictObject({ model: modelName, reason: why }) },
  resume: { operator: true, request: z.strictObject({ model: modelName, reason: why }) },
  override: { operator: true, request: z.strictObject({ model: modelName, gate: gateName, reason: why }) },
  convene: { operator: true, request: z.strictObject({ reason: why }) },
  resolve_incident: { operator: true, request: z.strictObject({ incidentId: entityId, reason: why }) },
  /** Read as generously as what comes on `conclave.incident`: a P0 is never refused for its form. */
  open_incident: { operator: false, request: z.unknown() },
} as const;

export type ApiVerb = keyof typeof API;
export type ApiRequest<V extends ApiVerb> = z.output<(typeof API)[V]['request']>;

/** What else `status` tells beside the state: how the coordinator is configured. */
export const statusAnswer = z.object({
  /** Soak of a stage whose definition names none, seconds. */
  soakSeconds: z.number().positive(),
});

/** Answer of `deploy`. */
export const deployAnswer = z.object({
  outcome: z.enum(['entered', 'already_there', 'not_eligible']),
  stage: stageName.nullable(),
  stageEpoch: z.number().int().nonnegative(),
  /** What is missing, one sentence each; empty unless not eligible. */
  missing: z.array(z.string()),
});
export type DeployAnswer = z.infer<typeof deployAnswer>;

/** Answer of the verbs by which an operator changes a rollout, `abort` and `revert` apart. */
export const changedAnswer = z.object({
  changed: z.boolean(),
  /** The newest rollout of the model. */
  rolloutId: z.string().nullable().default(null),
  stable: z.string().nullable().default(null),
  /** False when what was done holds or waits for a rollout that is yet to be applied. */
  isOpen: z.boolean().default(true),
  /** What keeps the model from advancing by somebody's will, with the way out. */
  holds: z.array(z.string()).default([]),
  /** What each serving runner does with the stable version at this moment. */
  runners: z.array(runnerServing).default([]),
});
export type ChangedAnswer = z.input<typeof changedAnswer>;

/** Answer of `apply`. */
export const applyAnswer = changedAnswer.extend({
  outcome: z.enum(['opened', 'unchanged', 'nothing_to_do']),
  /** Why there was nothing to do; empty otherwise. */
  detail: z.string(),
});
export type ApplyAnswer = z.input<typeof applyAnswer>;

/** Answer of `rollback`, `abort` and `revert`: what was accepted, and how far the runners are with it. */
export const rollbackAnswer = z.object({
  outcome: z.enum(['rolled_back', 'nothing_to_roll_back']),
  rolloutId: z.string().nullable(),
  /** The version that is to serve; `runners` says where it does. */
  serving: z.string().nullable(),
  /** Each serving runner that reported itself. */
  runners: z.array(runnerServing).optional(),
});
export type RollbackAnswer = z.infer<typeof rollbackAnswer>;

/** Answer of `open_incident`. */
export const incidentAnswer = z.object({
  incidentId: z.string(),
  severity,
  /** The model that it concerns; null: all. */
  model: z.string().nullable(),
  /** What was read otherwise than it was written. */
  doubts: z.array(z.string()),
});
export type IncidentAnswer = z.infer<typeof incidentAnswer>;

/** Answer of `handoff`. */
export const handoffAnswer = z.object({
  planId: z.string(),
  accepted: z.enum(['taken_in', 'known']),
  actions: z.number().int(),
});
export type HandoffAnswer = z.infer<typeof handoffAnswer>;
