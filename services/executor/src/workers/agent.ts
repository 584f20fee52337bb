import { setTimeout as pause } from 'node:timers/promises';
import { type ChatModel, FENCE_RULE, fenced, type Structured, structured } from '@conclave/agents';
import { isConclaveError, ROLE_TOOLS, type Speaker, type ToolName } from '@conclave/contracts';
import { z } from 'zod';
import type { Tool, ToolArgs } from '../tools/tool.ts';
import type { PlannedCall, Step, Worker, WorkerInput } from './worker.ts';

export interface AgentOptions {
  readonly model: ChatModel;
  readonly tools: ReadonlyMap<ToolName, Tool>;
  /** The role's prompt; a plain one is used without. */
  readonly prompt: string | undefined;
  readonly maxOutputTokens: number;
  readonly patience?: Patience;
}

/** How the pause before another try passes; tests pass it at once. */
export interface Patience {
  pause(ms: number, signal: AbortSignal): Promise<void>;
  /** From 0 to 1. */
  random(): number;
}

const realPatience: Patience = {
  pause: (ms, signal) => pause(ms, undefined, { signal }).catch(() => undefined),
  random: Math.random,
};

/** Times the model is asked about one action. */
const MAX_ROUNDS = 6;
const MAX_CALLS_A_ROUND = 5;
const TRIES = 3;
/** Pause before the second try where the vendor names none; it doubles, and half of it is drawn. */
const PAUSE_MS = 2000;
/** A vendor that asks for a longer wait is not waited for. */
const LONGEST_PAUSE_MS = 60_000;
/** Longest arguments of a call, bytes of JSON: no tool takes more. */
const ARGS_BYTES = 16 * 1024;

/**
 * An LLM that carries out one action. It is asked for the next calls with everything on record; calls it names together
 * are made in turn until one fails. What tools returned is data to it, and it is offered its role's tools only.
 */
export function agentWorker(options: AgentOptions): Worker {
  const queued: PlannedCall[] = [];
  let rounds = 0;
  return {
    get speaker() {
      return options.model.speaker;
    },
    async next(input) {
      const last = input.run.calls.at(-1);
      if (last?.returned?.ok === false) queued.length = 0;
      const waiting = queued.shift();
      if (waiting !== undefined) return { kind: 'call', call: waiting };
      if (rounds === MAX_ROUNDS) return { kind: 'refused', reason: `${MAX_ROUNDS} rounds brought no end` };
      rounds++;
      const { value, speaker } = await ask(options, input);
      const [first, ...rest] = value.calls.map((call) => ({ ...call, speaker }));
      if (first !== undefined) {
        queued.push(...rest);
        return { kind: 'call', call: first };
      }
      return endOf(value.done, speaker);
    },
  };
}

function endOf(done: { summary: string } | undefined, speaker: Speaker): Step {
  if (done === undefined) return { kind: 'refused', reason: 'the agent named neither a call nor an end' };
  return { kind: 'done', summary: done.summary, speaker };
}

type Answer = z.infer<ReturnType<typeof answerSchema>>;

/** One flat object: not every vendor takes alternatives at the top. */
function answerSchema(tools: readonly ToolName[]) {
  const call = z.object({
    tool: z.enum(tools),
    args: z
      .record(z.string(), z.unknown())
      .refine((args) => Buffer.byteLength(JSON.stringify(args)) <= ARGS_BYTES, `more than ${ARGS_BYTES} bytes`),
    reason: clippedText(500),
  });
  return z.object({
    calls: z.array(call).max(MAX_CALLS_A_ROUND).default([]),
    done: z.object({ summary: clippedText(2000) }).optional(),
  });
}

/** Text that is worth no second question for its length. */
function clippedText(limit: number) {
  return z.string().transform((text) => (text.length <= limit ? text : `${text.slice(0, limit - 1)}…`));
}

async function ask(
  { model, tools, prompt, maxOutputTokens, patience = realPatience }: AgentOptions,
  input: WorkerInput,
): Promise<Structured<Answer>> {
  const { action, run, signal } = input;
  const allowed = ROLE_TOOLS[action.owner];
  const request = {
    system: `${prompt ?? `You are the ${action.owner} of an executive team that carries out a plan.`}\n\n${RULES}\n\n${FENCE_RULE}\n\nYour tools:\n${described(allowed, tools)}`,
    messages: [{ role: 'user' as const, content: briefOf(input) }],
    maxOutputTokens,
    signal,
    idempotencyKey: `${action.actionId}/after-${run.calls.length}`,
  };
  for (let attempt = 1; ; attempt++) {
    try {
      return await structured(model, request, answerSchema(allowed));
    } catch (error) {
      const mayPass = isConclaveError(error) && (error.retry === 'retryable' || error.retry === 'timeout');
      if (!mayPass || attempt === TRIES || signal.aborted) throw error;
      const drawn = PAUSE_MS * 2 ** (attempt - 1) * (0.5 + 0.5 * patience.random());
      const pauseMs = error.retryAfterMs ?? drawn;
      if (pauseMs > LONGEST_PAUSE_MS) throw error;
      await patience.pause(pauseMs, signal);
    }
  }
}

const RULES = `Carry out exactly the action you are given, with as few calls as it takes, and no other.
Name calls to make next in "calls"; when nothing is left to do, leave "calls" empty and give "done" with a short summary of what the results show.
Whether the success criteria are met is judged by code from the results, not by you. A stage that is "not_eligible" is not to be asked for again.`;

function described(allowed: readonly ToolName[], tools: ReadonlyMap<ToolName, Tool>): string {
  return allowed
    .map((name) => tools.get(name))
    .filter((tool) => tool !== undefined)
    .map((tool) => `- ${tool.name}: ${tool.description} args: ${JSON.stringify(jsonSchema(tool.args))}`)
    .join('\n');
}

function jsonSchema(schema: z.ZodType): unknown {
  const { $schema: _dialect, ...shape } = z.toJSONSchema(schema, { io: 'input' });
  return shape;
}

function briefOf({ action, run }: WorkerInput): string {
  const wanted: ToolArgs = {
    action: action.action,
    success_criteria: action.successCriteria,
    priority: action.priority,
    ...(action.tool === undefined ? {} : { tool: action.tool, args: action.args ?? {} }),
  };
  const calls = run.calls.map(({ callId, tool, args, returned }) => {
    const shown = { tool, args, ok: returned?.ok, error: returned?.error, result: returned?.result };
    return fenced(`result ${callId}`, JSON.stringify(shown));
  });
  const sofar = calls.length === 0 ? 'Nothing was called yet.' : `Calls so far:\n${calls.join('\n')}`;
  return `${fenced('action', JSON.stringify(wanted, null, 2))}\n\n${sofar}`;
}
