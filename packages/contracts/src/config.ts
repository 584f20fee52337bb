import { z } from 'zod';
import { modelChoice } from './model-choice.ts';
import { EXECUTIVE_ROLES, executiveRole, PLANNING_ROLES, planningRole } from './roles.ts';

/** A model that speaks for a chair when those before it cannot. */
const substituteConfig = z.strictObject(modelChoice);
export type SubstituteConfig = z.infer<typeof substituteConfig>;

/** How an agent speaks. `rules` is deterministic and no LLM; it serves only where a configuration names it. */
export const agentConfig = z.discriminatedUnion('adapter', [
  z.strictObject({ adapter: z.literal('rules').describe('The deterministic advisor, which is no LLM.') }),
  z.strictObject({
    ...modelChoice,
    substitutes: z
      .array(substituteConfig)
      .max(8)
      .default([])
      .describe(
        'Asked in this order when the model itself is gone, has no key or does not answer; with prompt, limits and times of the chair.',
      ),
    prompt: z
      .string()
      .min(1)
      .optional()
      .describe("Markdown file with the role's prompt, relative to the file that names it."),
    maxOutputTokens: z
      .number()
      .int()
      .min(64)
      .max(64_000)
      .default(8192)
      .describe(
        'Longest answer in tokens, thinking not counted; one that is cut off there does not count. The default holds a plan of twenty actions.',
      ),
    thinkingTokens: z
      .number()
      .int()
      .min(0)
      .max(128_000)
      .optional()
      .describe(
        'Room for thinking beside the answer, in tokens; by default 16,000 for the families that think, none for the others.',
      ),
    timeoutSeconds: z.number().positive().max(600).default(90).describe('Longest time of one call.'),
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

const pace = z.strictObject({
  meetingIntervalSeconds: z.number().positive().default(1800).describe('Seconds between regular meetings.'),
  earlyMeetingGapSeconds: z
    .number()
    .nonnegative()
    .default(60)
    .describe('Least time between the end of a meeting and an early one.'),
  meetingsPerHour: z
    .number()
    .int()
    .min(1)
    .max(5000)
    .optional()
    .describe(
      'Most meetings in an hour, regular ones included; only those that a person asks for come on top. Default: the regular slots of an hour and 6 more, or as many more as a tenth of the time holds at `earlyMeetingGapSeconds`.',
    ),
  noGoSeconds: z
    .number()
    .positive()
    .default(14_400)
    .describe('Longest time for which a no_go on complete evidence stands before the same evidence is voted on again.'),
  heartbeatIntervalSeconds: z
    .number()
    .positive()
    .default(300)
    .describe(
      'Seconds between heartbeats. The last heartbeat before a regular meeting has no limit, and until the next one what becomes free is dispatched at once: with as many seconds as `meetingIntervalSeconds` or more, that is every heartbeat, and none holds an action back.',
    ),
  soakSeconds: z
    .number()
    .positive()
    .default(604_800)
    .describe('Soak of a stage whose definition names none: a week, as in the guide.'),
  windowSeconds: z.number().positive().default(10).describe('Length of a telemetry window.'),
  meetingDeadlineSeconds: z
    .number()
    .positive()
    .default(600)
    .describe(
      'How long a meeting may take; its phases share it. At its end quorate ballots decide, without them nothing is decided.',
    ),
});

const limits = z.strictObject({
  actionsPerHeartbeat: z
    .number()
    .int()
    .min(1)
    .max(50)
    .default(3)
    .describe(
      'Most actions handed to the executive team in one heartbeat, the last one before a regular meeting apart.',
    ),
  maxActionsPerMeeting: z
    .number()
    .int()
    .min(1)
    .max(50)
    .default(20)
    .describe('Most actions in the plan of one meeting.'),
  ackWaitMs: z
    .number()
    .int()
    .min(500)
    .default(10_000)
    .describe('A work item is redelivered when its worker was silent this long.'),
  maxDeliveries: z
    .number()
    .int()
    .min(1)
    .default(5)
    .describe('Deliveries of one work item before it becomes a dead letter.'),
  leaseTtlMs: z
    .number()
    .int()
    .min(1000)
    .default(5000)
    .describe('Time until an unrenewed lease of the leading coordinator can be taken by another.'),
  desiredConfirmationTimeoutMs: z
    .number()
    .int()
    .min(1000)
    .default(5000)
    .describe('A runner that heard no confirmation this long serves stable only.'),
  redispatchAfterMs: z
    .number()
    .int()
    .min(1000)
    .default(30_000)
    .describe('A dispatched action that nobody started in this time is published again.'),
  actionTimeoutSeconds: z
    .number()
    .positive()
    .default(900)
    .describe('An action is stopped and ends `uncertain` or `failed` after this.'),
  evidenceMaxAgeSeconds: z.number().positive().default(120).describe('Online evidence older than this is stale.'),
  readyTimeoutSeconds: z
    .number()
    .positive()
    .default(300)
    .describe('A candidate that is not ready this long after its stage was entered is rolled back.'),
});

const meetingRules = z.strictObject({
  quorum: z.number().int().min(1).max(6).default(4).describe('Advisors that must cast a ballot.'),
  majority: z.number().gt(0).max(1).default(0.5).describe('Share of cast go/no_go ballots that `go` needs.'),
  veto: z
    .array(planningRole)
    .default(['critic'])
    .describe('Roles whose `no_go` stops a step whatever the majority says.'),
});

const runner = z.strictObject({
  roles: z
    .array(z.enum(['serve', 'evaluate']))
    .min(1)
    .default(['serve', 'evaluate'])
    .describe('What the runner does: answer users, run evaluations, or both.'),
  provider: z.enum(['cpu', 'cuda']).default('cpu').describe('Execution provider of ONNX Runtime.'),
  maxBatch: z.number().int().min(1).max(256).default(8).describe('Most queries in one run of a model.'),
  maxBatchWaitMs: z
    .number()
    .nonnegative()
    .max(1000)
    .default(1)
    .describe('Longest time a query waits for others to join its run.'),
  maxQueue: z.number().int().min(1).default(256).describe('Queries that may wait; more are refused with 429.'),
  requestTimeoutMs: z.number().int().min(10).default(5000).describe('Longest time of one request.'),
  sloLatencyMs: z
    .number()
    .positive()
    .default(50)
    .describe(
      "Latency that an answered request must keep to count for SLO compliance, unless the rollout's latency gate says.",
    ),
  keepPreviousSeconds: z
    .number()
    .nonnegative()
    .default(86_400)
    .describe(
      'How long, in seconds, the version that served before stays loaded after it was replaced, so that a revert is instant. 0 for not at all.',
    ),
  evaluationPriority: z.number().int().min(0).max(19).default(19).describe('Nice value of the evaluation process.'),
});

const executor = z.strictObject({
  concurrency: z
    .number()
    .int()
    .min(1)
    .default(3)
    .describe('Actions a replica works on at a time; rollbacks have hands of their own.'),
  scriptRoots: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Folders that `run_python_script` and `check_file` may use, relative to the folder of the file that names them.',
    ),
  python: z.string().min(1).default('python3').describe('The interpreter of `run_python_script`, by name or path.'),
  scriptTimeoutSeconds: z.number().positive().default(300).describe('Longest time of one script; then it is killed.'),
  scriptMemoryMb: z.number().int().positive().default(1024).describe('Most memory of one script.'),
  scriptOutputBytes: z
    .number()
    .int()
    .positive()
    .default(256 * 1024)
    .describe('Bytes of output of one script that are kept.'),
});

/** The configuration, parsed. `loadConfig` in packages/service reads it from YAML with `extends`. */
export const conclaveConfig = z.strictObject({
  pace: pace
    .prefault({})
    .describe('What compressed time scales: everything here may be shortened for a demonstration.'),
  limits: limits.prefault({}).describe('What never scales with compressed time.'),
  meeting: meetingRules.prefault({}).describe('When a meeting may decide.'),
  planningTeam: planningTeam.describe('The six advisors, each by its role. Default: `rules` in every chair.'),
  executiveTeam: executiveTeam.describe('The six workers, each by its role. Default: `rules` in every chair.'),
  runner: runner.prefault({}).describe('The gpu-runner.'),
  executor: executor.prefault({}).describe('The executive team and its tools.'),
  documents: z
    .array(z.string().min(1))
    .default([])
    .describe('Documents the advisors are given, relative to the folder of the file that names them.'),
});
export type ConclaveConfig = z.infer<typeof conclaveConfig>;
