/**
 * Carries one action out.
 *
 * 1. A call is on record before its effect, and its id is the effect's idempotency key: the same in every attempt.
 * 2. Every append expects what this worker last saw. Whoever loses that race starts nothing more; it only waits for the
 *    winner's end, because acknowledging or returning the shared work message could lose it or have it taken a third time.
 * 3. A call without a return is made again only if its tool is idempotent, or if it certainly never started. Otherwise the
 *    action ends `uncertain`.
 * 4. Only the message that started an action goes on with it. Another message for a started action is a second dispatch:
 *    the first is still in the stream and ends the action.
 * 5. A completed action stays as it is.
 * 6. Where code decides, what it decides at once shares a commit: the start with a first call that changes nothing, and the return of a
 *    call that may be made again with the end. Nothing is done in between that could be lost or done twice.
 */
import type { Journal } from '@conclave/bus';
import {
  type ActionWork,
  ConclaveError,
  isConclaveError,
  MESSAGE_LIMIT_BYTES,
  messageOf,
  type PlannedAction,
  ROLE_TOOLS,
  type ToolName,
} from '@conclave/contracts';
import type { ActionRun, ToolCall, World } from '@conclave/core';
import type { Clock } from '@conclave/service';
import type { Tool, ToolArgs, ToolReturn } from '../tools/tool.ts';
import { UncertainEffect } from '../uncertain-effect.ts';
import { chooseWorker } from '../workers/direct.ts';
import type { PlannedCall, Worker } from '../workers/worker.ts';
import type { WorldView } from '../world/world-view.ts';
import { concludeAction } from './action-outcome.ts';
import { type ActionRecord, type Completion, newActionRecord, openActionRecord } from './record.ts';

export interface PerformLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface PerformDeps {
  readonly journal: Pick<Journal, 'append' | 'read'>;
  readonly world: WorldView;
  readonly tools: ReadonlyMap<ToolName, Tool>;
  /** The owner's agent for one action; it is asked only when the action is not complete enough for code. */
  readonly workerFor: (action: PlannedAction) => Worker;
  /** Name of this instance. */
  readonly instance: string;
  readonly actionTimeoutMs: number;
  readonly clock: Clock;
  readonly faultPoint: (name: string) => Promise<void>;
  readonly log: PerformLog;
}

export interface Delivery {
  /** Stream sequence of the work message. */
  readonly messageSeq: number;
  /** Whether the message was delivered before, here or elsewhere. */
  readonly redelivered: boolean;
  /** Aborted when the service stops: the message comes again. */
  readonly signal: AbortSignal;
}

/** Calls that one action may make. */
const MAX_CALLS = 30;

/**
 * Resolves when the work message can be acknowledged: the action is completed, or another message sees to it.
 * @throws CVE_CANCELLED when the service stops; whatever keeps the journal from being written, to be tried again.
 */
export async function performAction(
  deps: PerformDeps,
  { action, attempt }: ActionWork,
  delivery: Delivery,
): Promise<void> {
  try {
    const begun = await begin(deps, { action, attempt }, delivery);
    await begun?.goOn();
  } catch (error) {
    if (!isConclaveError(error, 'CVE_JOURNAL_CONFLICT')) throw error;
    const fields = { actionId: action.actionId, attempt, message: delivery.messageSeq, reason: messageOf(error) };
    deps.log.warn(fields, 'another worker has taken this action over');
    await othersEnd(deps, action.actionId, delivery.signal);
  }
}

/** Starts the action, unless it is completed or another message's. @throws CVE_JOURNAL_CONFLICT when another worker has it. */
async function begin(
  deps: PerformDeps,
  { action, attempt }: ActionWork,
  delivery: Delivery,
): Promise<Performance | undefined> {
  let conflict: unknown;
  if (attempt === 1 && !delivery.redelivered) {
    // Of an action that comes for the first time nothing is on record, and the first append finds out where that is wrong.
    const fresh = new Performance(
      deps,
      action,
      newActionRecord(deps.journal, action.actionId, deps.clock.now),
      delivery,
    );
    try {
      await fresh.start(attempt);
      return fresh;
    } catch (error) {
      if (!isConclaveError(error, 'CVE_JOURNAL_CONFLICT')) throw error;
      conflict = error;
    }
  }
  const record = await openActionRecord(deps.journal, action.actionId, deps.clock.now);
  if (record.run.completed !== undefined) return undefined;
  const { startedByMessage } = record;
  if (startedByMessage !== undefined && startedByMessage !== delivery.messageSeq) {
    const fields = { actionId: action.actionId, attempt, message: delivery.messageSeq, startedBy: startedByMessage };
    deps.log.info(fields, 'this action was started by another message');
    return undefined;
  }
  if (conflict !== undefined) throw conflict;
  const performance = new Performance(deps, action, record, delivery);
  await performance.start(attempt);
  return performance;
}

/** Waits until the worker that took over has completed the action. @throws CVE_TOOL_TIMEOUT after the action's time */
async function othersEnd(
  { world, actionTimeoutMs }: PerformDeps,
  actionId: string,
  signal: AbortSignal,
): Promise<void> {
  const isOver = await world.until((now) => now.actions[actionId]?.completed, { timeoutMs: actionTimeoutMs, signal });
  if (isOver === undefined) throw new ConclaveError('CVE_TOOL_TIMEOUT', `nobody completed ${actionId} in its time`);
}

type CallData = Parameters<ActionRecord['toolCalled']>[0];

interface PreparedCall {
  readonly tool: Tool;
  readonly data: CallData;
}

class Performance {
  readonly #deps: PerformDeps;
  readonly #action: PlannedAction;
  readonly #record: ActionRecord;
  readonly #delivery: Delivery;
  readonly #timeUp = new AbortController();
  #worker: Worker | undefined;
  #begunWith: PreparedCall | undefined;
  readonly #signal: AbortSignal;

  constructor(deps: PerformDeps, action: PlannedAction, record: ActionRecord, delivery: Delivery) {
    this.#deps = deps;
    this.#action = action;
    this.#record = record;
    this.#delivery = delivery;
    this.#signal = AbortSignal.any([delivery.signal, this.#timeUp.signal]);
  }

  async start(attempt: number): Promise<void> {
    this.#stopIfTold();
    const { instance, tools, workerFor } = this.#deps;
    const { actionId, owner } = this.#action;
    const { run } = this.#record;
    const world = await this.#deps.world.upToDate();
    const worker = chooseWorker({ action: this.#action, run, world, tools, agentFor: workerFor });
    this.#worker = worker;
    const call = await this.#firstCall(worker, world);
    const startAttempt = Math.max(attempt, run.attempt + 1);
    const data = { actionId, owner, attempt: startAttempt, worker: instance, speaker: worker.speaker };
    await this.#record.start(this.#delivery.messageSeq, data, call);
    await this.#deps.faultPoint('action.after_started');
  }

  /** Carries on after the start. */
  async goOn(): Promise<void> {
    const { faultPoint, actionTimeoutMs, clock } = this.#deps;
    const worker = this.#worker;
    if (worker === undefined) return;
    const forget = clock.after(actionTimeoutMs, () => this.#timeUp.abort());
    try {
      // What was called with the start is made now, and only that: a call that stood there before may have been made already.
      const called = this.#begunWith;
      this.#stopIfTold();
      if (called !== undefined) await this.#effect(worker, called.tool, called.data.callId, called.data.args);
      while (this.#record.run.completed === undefined) await this.#step(worker);
    } finally {
      forget();
    }
    await faultPoint('action.after_completed');
  }

  /** The call that code begins with, if it can be recorded with the start: one that changes nothing, whoever makes it once more. */
  async #firstCall(worker: Worker, world: World): Promise<CallData | undefined> {
    const { run } = this.#record;
    if (worker.isCode !== true || run.calls.length > 0 || run.completed !== undefined) return undefined;
    const step = await worker.next({ action: this.#action, run, world, signal: this.#signal });
    if (step.kind !== 'call') return undefined;
    try {
      const prepared = this.#prepare(step.call);
      if (prepared.tool.changes || !prepared.tool.idempotent) return undefined;
      this.#begunWith = prepared;
      return prepared.data;
    } catch (error) {
      // Refused for its arguments: that is told after the start.
      if (isConclaveError(error)) return undefined;
      throw error;
    }
  }

  async #step(worker: Worker): Promise<void> {
    this.#stopIfTold();
    const open = this.#record.run.calls.find(({ returned }) => returned === undefined);
    if (open !== undefined) return await this.#resume(worker, open);
    if (this.#timeUp.signal.aborted) return await this.#completeLate(undefined);
    if (this.#record.run.calls.length >= MAX_CALLS)
      return await this.#fail(`more than ${MAX_CALLS} calls were asked for`);
    const world = await this.#deps.world.upToDate();
    const input = { action: this.#action, run: this.#record.run, world, signal: this.#signal };
    const step = await worker.next(input).catch((error: unknown) => this.#workerFailed(error));
    if (step === undefined) return;
    if (step.kind === 'call') return await this.#call(worker, step.call);
    if (step.kind === 'refused') return await this.#fail(step.reason);
    const completion = concludeAction(this.#action, this.#record.run, step.summary);
    await this.#complete(step.speaker === undefined ? completion : { ...completion, speaker: step.speaker });
  }

  async #workerFailed(error: unknown): Promise<undefined> {
    this.#stopIfTold();
    if (this.#timeUp.signal.aborted) await this.#completeLate(undefined);
    else await this.#fail(messageOf(error));
  }

  async #call(worker: Worker, call: PlannedCall): Promise<void> {
    let prepared: PreparedCall;
    try {
      prepared = this.#prepare(call);
    } catch (error) {
      if (!isConclaveError(error)) throw error;
      return await this.#record.toolRefused({ ...this.#callOf(call), args: { ...call.args } }, error.message);
    }
    const { tool, data } = prepared;
    await tool.announce(data.callId);
    await this.#record.toolCalled(data);
    await this.#effect(worker, tool, data.callId, data.args);
  }

  /** @throws CVE_TOOL_INVALID_ARGS */
  #prepare(call: PlannedCall): PreparedCall {
    const tool = this.#toolOf(call.tool);
    const args = recordable(call.tool, tool.prepare(call.args, this.#deps.world.current()));
    return { tool, data: { ...this.#callOf(call), args } };
  }

  #callOf({ tool, reason, speaker }: PlannedCall): Omit<CallData, 'args'> {
    const callId = `${this.#action.actionId}/${this.#record.run.calls.length + 1}`;
    return { callId, tool, reason, ...(speaker === undefined ? {} : { speaker }) };
  }

  /** The role's own tools and no others, whoever asks. */
  #toolOf(name: string): Tool {
    const { owner } = this.#action;
    const allowed = ROLE_TOOLS[owner].find((one) => one === name);
    const tool = allowed === undefined ? undefined : this.#deps.tools.get(allowed);
    if (tool === undefined) {
      throw new ConclaveError(
        'CVE_TOOL_INVALID_ARGS',
        `${owner} may not use ${name}; it has ${ROLE_TOOLS[owner].join(', ')}`,
      );
    }
    return tool;
  }

  async #resume(worker: Worker, { callId, tool: name, args }: ToolCall): Promise<void> {
    const tool = this.#toolOf(name);
    if (tool.idempotent || (await tool.neverStarted(callId))) return await this.#effect(worker, tool, callId, args);
    await this.#uncertain(`${name} (${callId}) was called before a crash and may have run; it is not run twice`);
  }

  async #effect(worker: Worker, tool: Tool, callId: string, args: ToolCall['args']): Promise<void> {
    const { faultPoint, clock } = this.#deps;
    await faultPoint('action.before_effect');
    const startedAt = clock.monotonicMs();
    const context = { callId, actionId: this.#action.actionId, signal: this.#signal };
    let returned: ToolReturn;
    try {
      returned = await tool.run(args, context);
    } catch (error) {
      this.#stopIfTold();
      if (this.#timeUp.signal.aborted) return await this.#completeLate(tool);
      if (error instanceof UncertainEffect) return await this.#uncertain(error.message);
      // This process's own trouble with NATS, not the tool's: the message comes again and the call is resumed.
      if (isConclaveError(error, 'CVE_BUS_UNAVAILABLE')) throw error;
      returned = { ok: false, result: null, error: messageOf(error) };
    }
    await faultPoint('action.after_effect');
    const { ok, result, error } = returned;
    const durationMs = clock.monotonicMs() - startedAt;
    const data = { callId, tool: tool.name, ok, result, durationMs, ...(error === undefined ? {} : { error }) };
    // With what may not be made again its return is on record before anything else is decided.
    if (worker.isCode !== true || !tool.idempotent) return await this.#record.toolReturned(data);
    await this.#record.toolReturned(data, (run) => this.#conclusion(worker, run));
    this.#logEnd();
  }

  /** How code ends the action now that its last call has returned; undefined where something is left to do. */
  async #conclusion(worker: Worker, run: ActionRun): Promise<Completion | undefined> {
    if (this.#signal.aborted) return undefined;
    const world = this.#deps.world.current();
    const step = await worker.next({ action: this.#action, run, world, signal: this.#signal });
    if (step.kind !== 'done') return undefined;
    await this.#deps.faultPoint('action.before_completed');
    return concludeAction(this.#action, run, step.summary);
  }

  /** The action's time is up: uncertain if a call that changes something was cut off. */
  async #completeLate(cutOff: Tool | undefined): Promise<void> {
    const seconds = Math.round(this.#deps.actionTimeoutMs / 1000);
    const text = `not done in ${seconds} s (limits.actionTimeoutSeconds)`;
    if (cutOff?.changes === true)
      await this.#uncertain(`${text}: ${cutOff.name} was cut off and may have taken effect`);
    else await this.#fail(cutOff === undefined ? text : `${text}: ${cutOff.name} was cut off`);
  }

  async #uncertain(reason: string): Promise<void> {
    const { criteria } = concludeAction(this.#action, this.#record.run, reason);
    await this.#complete({ outcome: 'uncertain', summary: reason, criteria });
  }

  async #fail(reason: string): Promise<void> {
    const { criteria } = concludeAction(this.#action, this.#record.run, reason);
    await this.#complete({ outcome: 'failed', summary: reason, criteria });
  }

  async #complete(completion: Completion): Promise<void> {
    await this.#deps.faultPoint('action.before_completed');
    await this.#record.complete(completion);
    this.#logEnd();
  }

  #logEnd(): void {
    const { completed } = this.#record.run;
    if (completed === undefined) return;
    const { outcome, summary } = completed;
    this.#deps.log.info({ actionId: this.#action.actionId, outcome, summary }, 'action completed');
  }

  #stopIfTold(): void {
    if (!this.#delivery.signal.aborted) return;
    throw new ConclaveError('CVE_CANCELLED', `${this.#action.actionId} is handed back: the service stops`);
  }
}

/** Arguments that the journal can hold whole. @throws CVE_TOOL_INVALID_ARGS */
function recordable(tool: ToolName, args: ToolArgs): Record<string, unknown> {
  const bytes = Buffer.byteLength(JSON.stringify(args));
  if (bytes <= MESSAGE_LIMIT_BYTES) return { ...args };
  throw new ConclaveError(
    'CVE_TOOL_INVALID_ARGS',
    `${tool}: the arguments have ${bytes} bytes, at most ${MESSAGE_LIMIT_BYTES} are taken; put large content into a file and name it`,
  );
}
