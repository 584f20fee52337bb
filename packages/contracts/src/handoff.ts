import { z } from 'zod';
import { digestOf } from './canonical.ts';
import { ConclaveError } from './errors.ts';
import { MESSAGE_LIMIT_BYTES } from './limits.ts';
import { recordKey } from './names.ts';
import { openObject, recordedName } from './open-object.ts';
import {
  EXECUTIVE_ROLES,
  type ExecutiveRole,
  executiveRole,
  PRIORITIES,
  type Priority,
  priority,
  ROLE_TOOLS,
  TOOLS,
  type ToolName,
  toolName,
} from './roles.ts';
import { brief, zodMessage } from './zod-message.ts';

/*
 * The handoff: the guide's `pending_actions.json`, accepted as is on `conclave.handoff`. An action may add `tool` and
 * `args`, `depends_on` and `line`.
 * 1. A document is taken in whole or refused whole.
 * 2. Its identity is `meeting_id`; the same document again is the same plan, other content under that id is refused.
 * 3. `depends_on` never points to a lower priority, to an unknown action or round in a circle.
 */

const MAX_ACTIONS = 50;

const actionId = z.union([
  z.number().int().nonnegative(),
  z
    .string()
    .min(1)
    .max(100)
    .regex(/^[A-Za-z0-9._-]+$/, 'must be letters, digits and . _ -'),
]);

const handoffAction = z.strictObject({
  id: actionId.describe('Its id inside the document: a number, or letters, digits and . _ -.'),
  action: z.string().min(1).max(2000).describe('What is to be done, in words.'),
  owner: z
    .string()
    .describe('The executive agent that does it; each may use only its own tools (docs/reference/tools.md).'),
  priority: z.string().describe('`high`, `medium` or `low`, in any case; high runs first.'),
  estimated_duration: z.string().max(50).default('').describe('For people.'),
  success_criteria: z
    .string()
    .max(2000)
    .default('')
    .describe('What must be so afterwards, e.g. `P95 < 50ms, no errors`.'),
  tool: z.string().optional().describe('The tool to use; without it the agent chooses.'),
  args: z.record(z.string(), z.unknown()).optional().describe('Arguments of the tool (docs/reference/tools.md).'),
  depends_on: z
    .array(actionId)
    .max(MAX_ACTIONS)
    .default([])
    .describe('Ids of actions that must have succeeded before; never of a lower priority.'),
  line: z.string().max(100).optional().describe('Research line it belongs to, e.g. `v2_research`.'),
});

export const handoffDocument = z.strictObject({
  timestamp: z.string().min(1).max(100).describe('When the plan was made, for people.'),
  meeting_id: recordKey
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'must be letters, digits and . _ -, at most 100')
    .describe('Identity of the plan: the same document under it is known, another one is refused.'),
  actions: z.array(handoffAction).min(1).max(MAX_ACTIONS).describe('The actions.'),
  count: z
    .number()
    .int()
    .nonnegative()
    .describe('How many actions there are, so that a document that was cut off is seen.'),
  source: z.string().max(200).default('').describe('Who made the plan, for people.'),
});
export type HandoffDocument = z.input<typeof handoffDocument>;

/** A document as a meeting's record keeps it: what a later version may add to it stays. */
export const recordedHandoff = openObject({
  timestamp: z.string(),
  meeting_id: z.string(),
  actions: z.array(
    openObject({
      id: z.union([z.number(), z.string()]),
      action: z.string(),
      owner: z.string(),
      priority: z.string(),
      estimated_duration: z.string().optional(),
      success_criteria: z.string().optional(),
      tool: recordedName.optional(),
      args: z.record(z.string(), z.unknown()).optional(),
      depends_on: z.array(z.union([z.number(), z.string()])).optional(),
      line: z.string().optional(),
    }),
  ),
  count: z.number(),
  source: z.string().optional(),
});

/** One action of a plan as the coordinator keeps it. */
export const plannedAction = openObject({
  /** `<plan id>:<id in the document>` */
  actionId: z.string(),
  planId: z.string(),
  action: z.string(),
  owner: executiveRole,
  priority,
  estimatedDuration: z.string(),
  successCriteria: z.string(),
  tool: recordedName.optional(),
  args: z.record(z.string(), z.unknown()).optional(),
  dependsOn: z.array(z.string()),
  line: z.string().optional(),
});
export type PlannedAction = z.infer<typeof plannedAction>;

export interface Plan {
  readonly planId: string;
  /** Digest of the canonical document: equal documents give equal plans. */
  readonly digest: string;
  readonly source: string;
  readonly actions: readonly PlannedAction[];
}

/** JSON text of a message. @throws CVE_MESSAGE_TOO_LARGE, CVE_MESSAGE_MALFORMED naming subject, size or position. */
export function parseMessage(subject: string, bytes: Uint8Array): unknown {
  if (bytes.byteLength > MESSAGE_LIMIT_BYTES) {
    throw new ConclaveError(
      'CVE_MESSAGE_TOO_LARGE',
      `a message on ${subject} has ${bytes.byteLength} bytes, at most ${MESSAGE_LIMIT_BYTES} are taken; split it, or put large content into the object store and send its digest`,
    );
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new ConclaveError(
      'CVE_MESSAGE_MALFORMED',
      `a message on ${subject} is not JSON in UTF-8 (${error instanceof Error ? error.message : String(error)}); send one JSON document`,
      { cause: error },
    );
  }
}

/**
 * Checks a handoff document and turns it into a plan.
 * @throws CVE_HANDOFF_* naming the action, the value and the way out.
 */
export function parseHandoff(input: unknown): Plan {
  const parsed = handoffDocument.safeParse(input);
  if (!parsed.success) {
    throw new ConclaveError(
      'CVE_HANDOFF_INVALID',
      `the handoff document is not valid: ${zodMessage(parsed.error, input)}; see the example in the README`,
    );
  }
  const document = parsed.data;
  if (document.count !== document.actions.length) {
    throw new ConclaveError(
      'CVE_HANDOFF_INVALID',
      `count is ${document.count} but there are ${document.actions.length} actions; the document may be cut off: send it whole`,
    );
  }
  const planId = document.meeting_id;
  const actions = document.actions.map((action): PlannedAction => {
    const owner = ownerOf(action.id, action.owner);
    const tool = toolOf(action.id, owner, action.tool);
    return {
      actionId: `${planId}:${action.id}`,
      planId,
      action: action.action,
      owner,
      priority: priorityOf(action.id, action.priority),
      estimatedDuration: action.estimated_duration,
      successCriteria: action.success_criteria,
      ...(tool === undefined ? {} : { tool }),
      ...(action.args === undefined ? {} : { args: action.args }),
      dependsOn: action.depends_on.map((id) => `${planId}:${id}`),
      ...(action.line === undefined ? {} : { line: action.line }),
    };
  });
  checkIds(actions);
  checkDependencies(actions);
  return { planId, digest: digestOf(document), source: document.source, actions };
}

function ownerOf(id: string | number, owner: string): ExecutiveRole {
  const parsed = executiveRole.safeParse(owner);
  if (parsed.success) return parsed.data;
  throw new ConclaveError(
    'CVE_HANDOFF_OWNER_UNKNOWN',
    `action ${id} has owner ${brief(owner)}, which is no executive agent; use one of ${EXECUTIVE_ROLES.join(', ')}`,
  );
}

function priorityOf(id: string | number, value: string): Priority {
  const parsed = priority.safeParse(value.toLowerCase());
  if (parsed.success) return parsed.data;
  throw new ConclaveError(
    'CVE_HANDOFF_PRIORITY_UNKNOWN',
    `action ${id} has priority ${brief(value)}; use one of ${PRIORITIES.join(', ')}`,
  );
}

function toolOf(id: string | number, owner: ExecutiveRole, tool: string | undefined): ToolName | undefined {
  if (tool === undefined) return undefined;
  const parsed = toolName.safeParse(tool);
  if (!parsed.success) {
    throw new ConclaveError(
      'CVE_HANDOFF_TOOL_UNKNOWN',
      `action ${id} names tool ${brief(tool)}; use one of ${TOOLS.join(', ')}`,
    );
  }
  if (!ROLE_TOOLS[owner].includes(parsed.data)) {
    const able = EXECUTIVE_ROLES.filter((role) => ROLE_TOOLS[role].includes(parsed.data));
    throw new ConclaveError(
      'CVE_HANDOFF_TOOL_FORBIDDEN',
      `action ${id}: ${owner} may not use ${parsed.data}; give it to ${able.join(' or ')}`,
    );
  }
  return parsed.data;
}

function checkIds(actions: readonly PlannedAction[]): void {
  const seen = new Set<string>();
  for (const { actionId } of actions) {
    if (seen.has(actionId))
      throw new ConclaveError(
        'CVE_HANDOFF_ID_TAKEN',
        `action id ${actionId} stands twice in the document; give each action its own id`,
      );
    seen.add(actionId);
  }
}

function checkDependencies(actions: readonly PlannedAction[]): void {
  const byId = new Map(actions.map((a) => [a.actionId, a]));
  for (const action of actions) {
    for (const id of action.dependsOn) {
      const dependency = byId.get(id);
      if (dependency === undefined) {
        throw new ConclaveError(
          'CVE_HANDOFF_DEPENDENCY_UNKNOWN',
          `action ${action.actionId} depends on ${id}, which is not in the document; name an action of the same document`,
        );
      }
      if (PRIORITIES.indexOf(dependency.priority) > PRIORITIES.indexOf(action.priority)) {
        throw new ConclaveError(
          'CVE_HANDOFF_DEPENDENCY_LOWER',
          `action ${action.actionId} (${action.priority}) depends on ${id} (${dependency.priority}), which runs later; raise the priority of ${id} or lower that of ${action.actionId}`,
        );
      }
    }
  }
  const circle = findCircle(byId);
  if (circle !== undefined) {
    throw new ConclaveError(
      'CVE_HANDOFF_DEPENDENCY_CYCLE',
      `depends_on goes round in a circle: ${circle.join(' -> ')}; remove one of these dependencies`,
    );
  }
}

function findCircle(byId: ReadonlyMap<string, PlannedAction>): string[] | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (id: string): string[] | undefined => {
    if (done.has(id)) return undefined;
    const start = path.indexOf(id);
    if (start >= 0) return [...path.slice(start), id];
    path.push(id);
    for (const next of byId.get(id)?.dependsOn ?? []) {
      const circle = visit(next);
      if (circle !== undefined) return circle;
    }
    path.pop();
    done.add(id);
    return undefined;
  };
  for (const id of byId.keys()) {
    const circle = visit(id);
    if (circle !== undefined) return circle;
  }
  return undefined;
}
