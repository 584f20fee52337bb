import { randomUUID } from 'node:crypto';
import type { Journal } from '@conclave/bus';
import {
  type ActionEvent,
  type ActionOutcome,
  aggregates,
  type CriterionVerdict,
  parseCommit,
  type Speaker,
} from '@conclave/contracts';
import { type ActionRun, foldAction, initialAction } from '@conclave/core';
import { shortened } from '../scripts/script-output.ts';
import { fitResult } from '../tools/tool.ts';

/** Longest text of one field in the journal, characters: whatever agents, tools and vendors say, a commit stays small. */
const TEXT_LIMIT = 4000;
const bounded = (text: string): string => shortened(text, TEXT_LIMIT);

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
    // Its arguments stay whole: a call that is made again after a crash is made with what is on record.
    toolCalled: (data) =>
      append({ ...stamp('called'), type: 'action.tool_called', data: { ...data, reason: bounded(data.reason) } }),
    toolReturned: ({ result, error, ...data }) =>
      append({
        ...stamp('returned'),
        type: 'action.tool_returned',
        data: { ...data, result: fitResult(result), ...(error === undefined ? {} : { error: bounded(error) }) },
      }),
    toolRefused: ({ callId, tool, args, reason, ...by }, error) =>
      append(
        {
          ...stamp('called'),
          type: 'action.tool_called',
          data: { ...by, callId, tool, args: { ...Object(fitResult(args)) }, reason: bounded(reason) },
        },
        {
          ...stamp('returned'),
          type: 'action.tool_returned',
          data: { callId, tool, ok: false, result: null, error: bounded(error), durationMs: 0 },
        },
      ),
    complete: ({ outcome, summary, criteria, speaker }) =>
      append({
        ...stamp('completed'),
        type: 'action.completed',
        data: {
          ...{ actionId, outcome, summary: bounded(summary), criteria: criteria.map(boundedVerdict) },
          ...(speaker === undefined ? {} : { speaker }),
        },
      }),
  };
}

function boundedVerdict({ text, verdict, detail }: CriterionVerdict): CriterionVerdict {
  return { text: bounded(text), verdict, detail: bounded(detail) };
}

function startingMessage(event: ActionEvent): number | undefined {
  const seq = event.type === 'action.started' ? STARTED_ID.exec(event.id)?.[1] : undefined;
  return seq === undefined ? undefined : Number(seq);
}
