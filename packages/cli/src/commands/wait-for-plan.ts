import { openJournal } from '@conclave/bus';
import {
  type ActionOutcome,
  type Commit,
  ConclaveError,
  type PlannedAction,
  readableEvents,
  subjects,
} from '@conclave/contracts';
import { oneLine } from '@conclave/core';
import { byLevel } from '../output/text.ts';
import type { Session } from '../session.ts';

/**
 * Prints each action of a plan as it ends, and comes back when the last has.
 * @throws CVE_TOOL_FAILED naming those that did not succeed; CVE_TOOL_TIMEOUT after `timeoutMs`
 */
export async function waitForPlan({ bus, answer, print }: Session, planId: string, timeoutMs: number): Promise<void> {
  const plan = new PlanProgress(planId, print);
  const finished = Promise.withResolvers<void>();
  // Read from its beginning: of plans that ended long ago only the journal knows how.
  const follower = openJournal(bus, { by: 'conclave-cli' }).follow({
    filters: [subjects.journalKind('schedule'), subjects.journalKind('actions')],
    onCommit: (commit) => {
      plan.note(commit);
      if (plan.isOver) finished.resolve();
    },
    onError: (error) => finished.reject(error),
  });
  const late = setTimeout(() => {
    finished.reject(
      new ConclaveError(
        'CVE_TOOL_TIMEOUT',
        `${plan.open.join(', ')} did not end within ${timeoutMs / 1000} s; they go on, see conclave status`,
      ),
    );
  }, timeoutMs);
  try {
    await finished.promise;
  } finally {
    clearTimeout(late);
    await follower.stop();
    answer({ ended: plan.ended, open: plan.open });
  }
  const { missed } = plan;
  if (missed.length === 0) return;
  throw new ConclaveError(
    'CVE_TOOL_FAILED',
    `plan ${planId} did not succeed: ${missed.join(', ')}; the reasons stand above`,
  );
}

interface EndedAction {
  readonly actionId: string;
  readonly outcome: ActionOutcome;
  readonly summary: string;
}

/** What the journal says about the actions of one plan. */
class PlanProgress {
  readonly #planId: string;
  readonly #print: Session['print'];
  readonly #open = new Map<string, PlannedAction>();
  readonly #summaries = new Map<string, string>();
  readonly #missed: string[] = [];
  readonly #ended: EndedAction[] = [];
  #isKnown = false;

  constructor(planId: string, print: Session['print']) {
    this.#planId = planId;
    this.#print = print;
  }

  /** True when the plan was taken in and all its actions have ended. */
  get isOver(): boolean {
    return this.#isKnown && this.#open.size === 0;
  }

  /** Ids of the actions that have not ended. */
  get open(): string[] {
    return [...this.#open.keys()];
  }

  get ended(): readonly EndedAction[] {
    return this.#ended;
  }

  /** The actions that ended otherwise than succeeded, each as `<id> <outcome>`. */
  get missed(): readonly string[] {
    return this.#missed;
  }

  note(commit: Commit): void {
    if (commit.aggregate.kind === 'actions') this.#noteRun(commit);
    else this.#noteSchedule(commit);
  }

  #noteRun(commit: Commit): void {
    const { id } = commit.aggregate;
    if (!this.#open.has(id)) return;
    for (const { type, data } of readableEvents('actions', commit))
      if (type === 'action.completed') this.#summaries.set(id, data.summary);
  }

  #noteSchedule(commit: Commit): void {
    for (const { type, data } of readableEvents('schedule', commit)) {
      if (type === 'schedule.plan_accepted' && data.planId === this.#planId) {
        this.#isKnown = true;
        for (const action of data.actions) this.#open.set(action.actionId, action);
      } else if (type === 'schedule.action_ended') this.#end(data.actionId, data.outcome);
      else if (type === 'schedule.action_superseded') this.#end(data.actionId, 'superseded');
    }
  }

  #end(actionId: string, outcome: ActionOutcome): void {
    const action = this.#open.get(actionId);
    if (action === undefined) return;
    this.#open.delete(actionId);
    const level = outcome === 'succeeded' ? 'good' : outcome === 'superseded' ? 'detail' : 'bad';
    if (level !== 'good') this.#missed.push(`${actionId} ${outcome}`);
    const summary = this.#summaries.get(actionId) ?? 'it ended without having started';
    this.#ended.push({ actionId, outcome, summary });
    this.#print(`${byLevel(level, outcome)}  ${actionId}  ${oneLine(action.action)}\n  ${oneLine(summary)}`);
  }
}
