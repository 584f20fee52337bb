import type { ActionEvent, ActionOutcome, Commit, CriterionVerdict, ExecutiveRole, Speaker } from '@conclave/contracts';

export interface ToolCall {
  readonly callId: string;
  /** As it was recorded: a later version may have more tools. */
  readonly tool: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly reason: string;
  readonly calledAt: string;
  readonly returned:
    | {
        readonly ok: boolean;
        readonly result: unknown;
        readonly error: string | undefined;
        readonly durationMs: number;
      }
    | undefined;
}

/** How an action went, as its executor recorded it. */
export interface ActionRun {
  readonly actionId: string;
  readonly seq: number;
  readonly owner: ExecutiveRole | undefined;
  readonly attempt: number;
  readonly worker: string | undefined;
  /** Who spoke last: a substitute may have taken over from who was to speak at the start. */
  readonly speaker: Speaker | undefined;
  readonly startedAt: string | undefined;
  /** Start of the newest attempt. */
  readonly lastStartedAt: string | undefined;
  /** In order; the newest `KEPT_CALLS`, and those that have not returned. Executors make fewer. */
  readonly calls: readonly ToolCall[];
  readonly completed:
    | {
        readonly at: string;
        readonly outcome: ActionOutcome;
        readonly summary: string;
        readonly criteria: readonly CriterionVerdict[];
      }
    | undefined;
}

const KEPT_CALLS = 50;

export function initialAction(actionId: string): ActionRun {
  return {
    actionId,
    seq: 0,
    owner: undefined,
    attempt: 0,
    worker: undefined,
    speaker: undefined,
    startedAt: undefined,
    lastStartedAt: undefined,
    calls: [],
    completed: undefined,
  };
}

/** A completed action stays as it was completed. */
export function foldAction(state: ActionRun, commit: Commit<ActionEvent>): ActionRun {
  return { ...commit.events.reduce(applyActionEvent, state), seq: commit.seq };
}

function applyActionEvent(state: ActionRun, event: ActionEvent): ActionRun {
  if (state.completed !== undefined) return state;
  switch (event.type) {
    case 'action.started': {
      const { owner, attempt, worker, speaker } = event.data;
      return {
        ...state,
        owner,
        attempt,
        worker,
        speaker,
        startedAt: state.startedAt ?? event.at,
        lastStartedAt: event.at,
      };
    }
    case 'action.tool_called': {
      if (state.calls.some((c) => c.callId === event.data.callId)) return state;
      const { speaker = state.speaker, ...call } = event.data;
      const calls = [...state.calls, { ...call, calledAt: event.at, returned: undefined }];
      return { ...state, speaker, calls: newestCalls(calls) };
    }
    case 'action.tool_returned': {
      const { callId, ok, result, error, durationMs } = event.data;
      const returned = { ok, result, error, durationMs };
      return {
        ...state,
        calls: state.calls.map((c) => (c.callId === callId && c.returned === undefined ? { ...c, returned } : c)),
      };
    }
    case 'action.completed': {
      const { outcome, summary, criteria, speaker = state.speaker } = event.data;
      return { ...state, speaker, completed: { at: event.at, outcome, summary, criteria } };
    }
  }
}

function newestCalls(calls: readonly ToolCall[]): readonly ToolCall[] {
  if (calls.length <= KEPT_CALLS) return calls;
  const oldest = calls.findIndex(({ returned }) => returned !== undefined);
  return oldest < 0 ? calls : calls.toSpliced(oldest, 1);
}
