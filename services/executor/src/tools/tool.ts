import { ConclaveError, type ToolName, zodMessage } from '@conclave/contracts';
import type { World } from '@conclave/core';
import type { z } from 'zod';

/** Largest result that goes into the journal, bytes of JSON. */
export const RESULT_LIMIT_BYTES = 16 * 1024;

/** JSON-safe arguments as they stand in the journal. */
export type ToolArgs = Readonly<Record<string, unknown>>;

export interface ToolContext {
  /** `<actionId>/<n>`: the effect's idempotency key, stable over attempts. */
  readonly callId: string;
  readonly actionId: string;
  /** Aborted when the action's time is up or the service stops. */
  readonly signal: AbortSignal;
}

/** `ok: false` is a known failure with `error`; a thrown UncertainEffect is an unknown one. */
export interface ToolReturn {
  readonly ok: boolean;
  readonly result: unknown;
  readonly error?: string;
}

/** One tool of the executive team. */
export interface Tool {
  readonly name: ToolName;
  /** One sentence for agents. */
  readonly description: string;
  /** Schema of the arguments, for agents. */
  readonly args: z.ZodType;
  /** The other side deduplicates, or nothing is changed: an unanswered call may be made again. */
  readonly idempotent: boolean;
  /** A call that was cut off may have changed something. */
  readonly changes: boolean;
  /**
   * Checks raw arguments and fills in what they leave open from the world; the outcome is what the journal records.
   * @throws CVE_TOOL_INVALID_ARGS
   */
  prepare(raw: ToolArgs, world: World): ToolArgs;
  /** Leaves word on this machine, before the call is recorded, that it is about to be made here. */
  announce(callId: string): Promise<void>;
  /** True when a recorded call certainly never reached its effect. Asked only for tools that are not idempotent. */
  neverStarted(callId: string): Promise<boolean>;
  /** Makes the call. @throws UncertainEffect, ConclaveError */
  run(args: ToolArgs, context: ToolContext): Promise<ToolReturn>;
}

export interface ToolSpec<A extends ToolArgs> {
  readonly name: ToolName;
  readonly description: string;
  readonly args: z.ZodType<A>;
  readonly idempotent: boolean;
  readonly changes: boolean;
  complete?(args: A, world: World): A;
  announce?(callId: string): Promise<void>;
  neverStarted?(callId: string): Promise<boolean>;
  run(args: A, context: ToolContext): Promise<ToolReturn>;
}

/** A tool whose arguments are parsed before they are recorded and again before they are used. */
export function defineTool<A extends ToolArgs>(spec: ToolSpec<A>): Tool {
  const parse = (raw: ToolArgs): A => {
    const parsed = spec.args.safeParse(raw);
    if (parsed.success) return parsed.data;
    throw new ConclaveError('CVE_TOOL_INVALID_ARGS', `${spec.name}: ${zodMessage(parsed.error, raw)}`);
  };
  return {
    name: spec.name,
    description: spec.description,
    args: spec.args,
    idempotent: spec.idempotent,
    changes: spec.changes,
    prepare(raw, world) {
      const args = parse(raw);
      return spec.complete === undefined ? args : spec.complete(args, world);
    },
    announce: async (callId) => await spec.announce?.(callId),
    neverStarted: async (callId) => (await spec.neverStarted?.(callId)) ?? false,
    async run(raw, context) {
      const returned = await spec.run(parse(raw), context);
      return { ...returned, result: fitResult(returned.result) };
    },
  };
}

/** The result itself if it fits the journal, else its beginning as text with a note. */
export function fitResult(result: unknown, limitBytes = RESULT_LIMIT_BYTES): unknown {
  const text = JSON.stringify(result) ?? 'null';
  const bytes = Buffer.byteLength(text);
  if (bytes <= limitBytes) return result;
  const kept = text.slice(0, Math.floor(limitBytes / 4));
  return { truncated: `${bytes} bytes, more than ${limitBytes}: only the beginning is kept`, beginning: kept };
}
