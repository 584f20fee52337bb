import { randomUUID } from 'node:crypto';
import type { Journal } from '@conclave/bus';
import {
  type ActionEvent,
  type ActionOutcome,
  type ActionRun,
  aggregates,
  type CriterionVerdict,
  foldAction,
  initialAction,
  parseCommit,
  type Speaker,
} from '@conclave/contracts';

type EventData<T extends ActionEvent['type']> = Extract<ActionEvent, { type: T }>['data'];

/** How an action ends. */
export interface Completion {
  readonly outcome: ActionOutcome;
  readonly summary: string;
  readonly criteria: readonly CriterionVerdict[];
  readonly speaker?: Speaker;
}

/**
 * One action's aggregate as this worker knows it. Each append expects the sequence of the last commit this worker has
 * seen; when another worker has written since, it throws JournalConflict and this worker must stop.
 */
export interface ActionRecord {
  readonly run: ActionRun;
  /** Sequence of the work message that started the action; undefined while nobody has. */
  readonly startedByMessage: number | undefined;
  start(messageSeq: number, data: EventData<'action.started'>): Promise<void>;
  toolCalled(data: EventData<'action.tool_called'>): Promise<void>;
  toolReturned(data: EventData<'action.tool_returned'>): Promise<void>;
  /** A call that was refused before it was made: called and returned in one commit. */
  toolRefused(called: EventData<'action.tool_called'>, error: string): Promise<void>;
  complete(completion: Completion): Promise<void>;
}

const STARTED_ID = /\/started\/(\d+)\//;

/** Reads the aggregate and keeps it up to date with this worker's own appends. */
export async function openActionRecord(
  journal: Pick<Journal, 'append' | 'read'>,
  actionId: string,
  now: () => Date,
): Promise<ActionRecord> {
  const aggregate = aggregates.action(actionId);
  const commits = (await journal.read(aggregate)).map((commit) => parseCommit('actions', commit));
  let run = commits.reduce(foldAction, initialAction(actionId));
  let startedByMessage = commits
    .flatMap(({ events }) => events)
    .map(startingMessage)
    .find((seq) => seq !== undefined);

  const append = async (...events: readonly ActionEvent[]): Promise<void> => {
    const { seq } = await journal.append(aggregate, run.seq, events);
    const storedAt = now().toISOString();
    run = foldAction(run, { aggregate, seq, storedAt, by: '', fence: undefined, events });
  };
  // A random part: two workers that write the same thing are a conflict, not one commit stored twice.
  const stamp = (what: string): { id: string; at: string } => ({
    id: `${actionId}/${what}/${randomUUID()}`,
    at: now().toISOString(),
  });

  return {
    get run() {
      return run;
    },
    get startedByMessage() {
      return startedByMessage;
    },
    async start(messageSeq, data) {
      await append({ ...stamp(`started/${messageSeq}`), type: 'action.started', data });
      startedByMessage ??= messageSeq;
    },
    toolCalled: (data) => append({ ...stamp('called'), type: 'action.tool_called', data }),
    toolReturned: (data) => append({ ...stamp('returned'), type: 'action.tool_returned', data }),
    toolRefused: (called, error) =>
      append(
        { ...stamp('called'), type: 'action.tool_called', data: called },
        {
          ...stamp('returned'),
          type: 'action.tool_returned',
          data: { callId: called.callId, tool: called.tool, ok: false, result: null, error, durationMs: 0 },
        },
      ),
    complete: ({ outcome, summary, criteria, speaker }) =>
      append({
        ...stamp('completed'),
        type: 'action.completed',
        data: { actionId, outcome, summary, criteria: [...criteria], ...(speaker === undefined ? {} : { speaker }) },
      }),
  };
}

function startingMessage(event: ActionEvent): number | undefined {
  const seq = event.type === 'action.started' ? STARTED_ID.exec(event.id)?.[1] : undefined;
  return seq === undefined ? undefined : Number(seq);
}
