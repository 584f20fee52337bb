import type { PlannedAction, Speaker, ToolName } from '@conclave/contracts';
import type { ActionRun, World } from '@conclave/core';
import type { ToolArgs } from '../tools/tool.ts';

/** A call a worker wants made. */
export interface PlannedCall {
  readonly tool: ToolName;
  readonly args: ToolArgs;
  /** Why, in a sentence; it stands in the journal. */
  readonly reason: string;
  /** Who asks for it, where that may differ from call to call. */
  readonly speaker?: Speaker;
}

/** `refused`: the action cannot be carried out, with what can be done instead. */
export type Step =
  | { readonly kind: 'call'; readonly call: PlannedCall }
  | { readonly kind: 'done'; readonly summary: string; readonly speaker?: Speaker }
  | { readonly kind: 'refused'; readonly reason: string };

export interface WorkerInput {
  readonly action: PlannedAction;
  /** What is on record of this action; every call has returned. */
  readonly run: ActionRun;
  readonly world: World;
  readonly signal: AbortSignal;
}

/**
 * The owner's agent: says what to do next, given everything on record. It has no effects of its own on the system, so it
 * may be asked again after a crash.
 */
export interface Worker {
  /** Who would speak now. */
  readonly speaker: Speaker;
  /** Code answers, at once, and whether it is done follows from the action and its calls alone: what it says can share a commit. */
  readonly isCode?: boolean;
  next(input: WorkerInput): Promise<Step>;
}
