import { aggregates, type PlannedAction, type Speaker } from '@conclave/contracts';
import { type DataOf, draft } from './draft.ts';
import { ScheduleHistory } from './schedule.ts';

export const RULES: Speaker = { adapter: 'rules', model: 'rules' };

export interface CarriedOut {
  /** Seconds the tool takes. Default 4. */
  readonly seconds?: number;
  readonly ok?: boolean;
  readonly result?: unknown;
  readonly error?: string;
  /** `tool_called`: the executor stands before the effect; `completed`: the coordinator has not yet noted the end. */
  readonly until?: 'tool_called' | 'completed';
}

/** What the executor does. */
export abstract class ActionHistory extends ScheduleHistory {
  started(actionId: string, change: Partial<DataOf<'action.started'>> = {}): this {
    const data = { actionId, owner: 'ops_commander', attempt: 1, worker: 'executor-0', speaker: RULES } as const;
    return this.commit(aggregates.action(actionId), draft('action.started', { ...data, ...change }));
  }

  toolCalled(actionId: string, tool: string, change: Partial<DataOf<'action.tool_called'>> = {}): this {
    const data = { callId: `${actionId}/1`, tool, args: {}, reason: `the action names ${tool}`, ...change };
    return this.commit(aggregates.action(actionId), draft('action.tool_called', data));
  }

  toolReturned(actionId: string, tool: string, change: Partial<DataOf<'action.tool_returned'>> = {}): this {
    const data = { callId: `${actionId}/1`, tool, ok: true, result: { ok: true }, durationMs: 3900, ...change };
    return this.commit(aggregates.action(actionId), draft('action.tool_returned', data));
  }

  /** What the executor recorded of an action's end; by default all its criteria are met. */
  actionCompleted(actionId: string, change: Partial<DataOf<'action.completed'>> = {}): this {
    const outcome = 'succeeded' as const;
    const data = { actionId, outcome, summary: 'done', criteria: [], ...change };
    return this.commit(aggregates.action(actionId), draft('action.completed', data));
  }

  /** One action from its dispatch to its end, as the services record it. */
  carriedOut(action: PlannedAction, { seconds = 4, ok = true, result, error, until }: CarriedOut = {}): this {
    const { actionId, owner, tool = 'check_file', args = {}, successCriteria } = action;
    this.dispatched(actionId).started(actionId, { owner }).toolCalled(actionId, tool, { args, reason: action.action });
    if (until === 'tool_called') return this;
    const failure = ok ? {} : { result: null, error: error ?? 'CVE_TOOL_FAILED: it did not work' };
    const durationMs = seconds * 1000;
    const answer = result === undefined ? {} : { result };
    this.wait(seconds).toolReturned(actionId, tool, { ok, durationMs, ...answer, ...failure });
    const outcome = ok ? 'succeeded' : 'blocked';
    const summary = ok ? `${tool} done` : (error ?? `${tool} refused`);
    const criteria = [
      { text: successCriteria || 'done', verdict: ok ? ('met' as const) : ('unjudged' as const), detail: summary },
    ];
    this.actionCompleted(actionId, { outcome, summary, criteria });
    return until === 'completed' ? this : this.ended(actionId, outcome);
  }
}
