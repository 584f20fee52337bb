import { z } from 'zod';
import { EXECUTIVE_ROLES, executiveRole, PLANNING_ROLES, planningRole } from './roles.ts';

/** The vendors whose models can sit in a chair. */
export const vendorName = z.enum(['anthropic', 'openai', 'google']);
export type VendorName = z.infer<typeof vendorName>;

const modelChoice = {
  adapter: vendorName,
  /** A tier of the table in packages/agents/src/tiers.ts (`claude-opus`, `claude-sonnet`, `gpt`, `gemini-flash`), or a model's own id. */
  model: z.string().min(1),
  /** Name of the environment variable that holds the API key; by default ANTHROPIC_API_KEY, OPENAI_API_KEY or GOOGLE_API_KEY. */
  apiKeyEnv: z.string().min(1).optional(),
  /** Another address of the vendor's API; for `openai` any compatible endpoint. */
  baseUrl: z.url().optional(),
  /** For `google`: which of its two packages speaks, `@google/genai` (the default) or its archived predecessor `@google/generative-ai`. */
  sdk: z.enum(['genai', 'generative-ai']).optional(),
};

/** A model that speaks for a chair when those before it cannot. */
const substituteConfig = z.strictObject(modelChoice);
export type SubstituteConfig = z.infer<typeof substituteConfig>;

/** How an agent speaks. `rules` is deterministic and no LLM; it serves only where a configuration names it. */
export const agentConfig = z.discriminatedUnion('adapter', [
  z.strictObject({ adapter: z.literal('rules') }),
  z.strictObject({
    ...modelChoice,
    /** Asked in this order when the model itself is gone, has no key or does not answer; with prompt, limits and times of the chair. */
    substitutes: z.array(substituteConfig).max(8).default([]),
    /** Markdown file with the role's prompt, relative to the file that names it. */
    prompt: z.string().min(1).optional(),
    /** Longest answer in tokens, thinking not counted; one that is cut off there does not count. The default holds a plan of twenty actions. */
    maxOutputTokens: z.number().int().min(64).max(64_000).default(8192),
    /** Room for thinking beside the answer, in tokens; by default 16,000 for the families that think, none for the others. */
    thinkingTokens: z.number().int().min(0).max(128_000).optional(),
    /** Longest time of one call. */
    timeoutSeconds: z.number().positive().max(600).default(90),
  }),
]);
export type AgentConfig = z.infer<typeof agentConfig>;

const rules = { adapter: 'rules' } as const;
const planningTeam = z
  .record(planningRole, agentConfig)
  .default(
    Object.fromEntries(PLANNING_ROLES.map((r) => [r, rules])) as Record<(typeof PLANNING_ROLES)[number], AgentConfig>,
  );
const executiveTeam = z
  .record(executiveRole, agentConfig)
  .default(
    Object.fromEntries(EXECUTIVE_ROLES.map((r) => [r, rules])) as Record<(typeof EXECUTIVE_ROLES)[number], AgentConfig>,
  );

/**
 * What compressed time scales. Everything here may be shortened for a demonstration; nothing in `limits` is scaled by it.
 */
const pace = z.strictObject({
  /** Seconds between regular meetings. */
  meetingIntervalSeconds: z.number().positive().default(1800),
  /** Least time between the end of a meeting and an early one. */
  earlyMeetingGapSeconds: z.number().nonnegative().default(60),
  /**
   * Most meetings in an hour, regular ones included; only those that a person asks for come on top. Default: the regular slots of an
   * hour and 6 more, or as many more as a tenth of the time holds at `earlyMeetingGapSeconds`.
   */
  meetingsPerHour: z.number().int().min(1).max(5000).optional(),
  /** Longest time for which a no_go on complete evidence stands before the same evidence is voted on again. */
  noGoSeconds: z.number().positive().default(14_400),
  /** Seconds between heartbeats. */
  heartbeatIntervalSeconds: z.number().positive().default(300),
  /** Soak of a stage whose definition names none: a week, as in the guide. */
  soakSeconds: z.number().positive().default(604_800),
  /** Length of a telemetry window. */
  windowSeconds: z.number().positive().default(10),
  /** How long a meeting may take; its phases share it. At its end quorate ballots decide, without them nothing is decided. */
  meetingDeadlineSeconds: z.number().positive().default(600),
});

/** What never scales with compressed time. */
const limits = z.strictObject({
  actionsPerHeartbeat: z.number().int().min(1).max(50).default(3),
  maxActionsPerMeeting: z.number().int().min(1).max(50).default(20),
  /** A work item is redelivered when its worker was silent this long. */
  ackWaitMs: z.number().int().min(500).default(10_000),
  maxDeliveries: z.number().int().min(1).default(5),
  leaseTtlMs: z.number().int().min(1000).default(5000),
  /** A runner that heard no confirmation this long serves stable only. */
  desiredConfirmationTimeoutMs: z.number().int().min(1000).default(5000),
  /** A dispatched action that nobody started in this time is published again. */
  redispatchAfterMs: z.number().int().min(1000).default(30_000),
  /** An action is stopped and ends `uncertain` or `failed` after this. */
  actionTimeoutSeconds: z.number().positive().default(900),
  /** Online evidence older than this is stale. */
  evidenceMaxAgeSeconds: z.number().positive().default(120),
  /** A candidate that is not ready this long after its stage was entered is rolled back. */
  readyTimeoutSeconds: z.number().positive().default(300),
});

const meetingRules = z.strictObject({
  /** Advisors that must cast a ballot. */
  quorum: z.number().int().min(1).max(6).default(4),
  /** Share of cast go/no_go ballots that `go` needs. */
  majority: z.number().gt(0).max(1).default(0.5),
  /** Roles whose `no_go` stops a step whatever the majority says. */
  veto: z.array(planningRole).default(['critic']),
});

const runner = z.strictObject({
  roles: z
    .array(z.enum(['serve', 'evaluate']))
    .min(1)
    .default(['serve', 'evaluate']),
  provider: z.enum(['cpu', 'cuda']).default('cpu'),
  maxBatch: z.number().int().min(1).max(256).default(8),
  maxBatchWaitMs: z.number().nonnegative().max(1000).default(1),
  maxQueue: z.number().int().min(1).default(256),
  requestTimeoutMs: z.number().int().min(10).default(5000),
  /** Latency that an answered request must keep to count for SLO compliance, unless the rollout's latency gate says. */
  sloLatencyMs: z.number().positive().default(50),
  /** How long, in seconds, the version that served before stays loaded after it was replaced, so that a revert is instant. 0 for not at all. */
  keepPreviousSeconds: z.number().nonnegative().default(86_400),
  /** Nice value of the evaluation process. */
  evaluationPriority: z.number().int().min(0).max(19).default(19),
});

const executor = z.strictObject({
  /** Actions a replica works on at a time. */
  concurrency: z.number().int().min(1).default(3),
  /** Folders that `run_python_script` and `check_file` may use, relative to the folder of the file that names them. */
  scriptRoots: z.array(z.string().min(1)).default([]),
  python: z.string().min(1).default('python3'),
  scriptTimeoutSeconds: z.number().positive().default(300),
  scriptMemoryMb: z.number().int().positive().default(1024),
  scriptOutputBytes: z
    .number()
    .int()
    .positive()
    .default(256 * 1024),
});

/** The configuration, parsed. `loadConfig` in packages/service reads it from YAML with `extends`. */
export const conclaveConfig = z.strictObject({
  pace: pace.prefault({}),
  limits: limits.prefault({}),
  meeting: meetingRules.prefault({}),
  planningTeam,
  executiveTeam,
  runner: runner.prefault({}),
  executor: executor.prefault({}),
  /** Documents the advisors are given, relative to the folder of the file that names them. */
  documents: z.array(z.string().min(1)).default([]),
});
export type ConclaveConfig = z.infer<typeof conclaveConfig>;
