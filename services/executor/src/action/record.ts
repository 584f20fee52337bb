import { randomUUID } from 'node:crypto';
import type { Journal } from '@conclave/bus';
import {
  type ActionEvent,
  type ActionOutcome,
  aggregates,
  type Commit,
  type CriterionVerdict,
  type Speaker,
} from '@conclave/contracts';
import { type ActionRun, foldAction, initialAction } from '@conclave/core';
import { openAggregate, type WritePolicy, writeAggregate } from '@conclave/service';
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
 * One action's aggregate as this worker knows it. When another worker has written since, an append throws JournalConflict and this worker
 * must stop.
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
  /** The same unless it is completed already. */
  completeIfOpen(completionOf: (run: ActionRun) => Completion): Promise<void>;
}

const STARTED_ID = /\/started\/(\d+)\//;

interface Recorded {
  readonly run: ActionRun;
  readonly startedByMessage: number | undefined;
}

/**
 * Reads the aggregate and keeps it up to date with this worker's own appends.
 * @param options.onConflict `decide_anew` for who does not compete for the action
 */
export async function openActionRecord(
  journal: Pick<Journal, 'append' | 'read'>,
  actionId: string,
  now: () => Date,
  { onConflict = 'give_up' }: Pick<WritePolicy, 'onConflict'> = {},
): Promise<ActionRecord> {
  const own = await openAggregate(journal, aggregates.action(actionId), {
    initial: { run: initialAction(actionId), startedByMessage: undefined },
    fold: foldRecorded,
    unread: 'refuse',
  });
  const writer = writeAggregate(journal, own, { onConflict });

  const append = async (...events: readonly ActionEvent[]): Promise<void> => {
    await writer.commit(() => events);
  };
  // A random part: two workers that write the same thing are a conflict, not one commit stored twice.
  const stamp = (what: string): { id: string; at: string } => ({
    id: `${actionId}/${what}/${randomUUID()}`,
    at: now().toISOString(),
  });

  const completed = ({ outcome, summary, criteria, speaker }: Completion): ActionEvent => ({
    ...stamp('completed'),
    type: 'action.completed',
    data: {
      ...{ actionId, outcome, summary: bounded(summary), criteria: criteria.map(boundedVerdict) },
      ...(speaker === undefined ? {} : { speaker }),
    },
  });

  return {
    get run() {
      return writer.state.run;
    },
    get startedByMessage() {
      return writer.state.startedByMessage;
    },
    start: (messageSeq, data) => append({ ...stamp(`started/${messageSeq}`), type: 'action.started', data }),
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
    complete: (completion) => append(completed(completion)),
    async completeIfOpen(completionOf) {
      await writer.commit(({ run }) => (run.completed === undefined ? [completed(completionOf(run))] : []));
    },
  };
}

function boundedVerdict({ text, verdict, detail }: CriterionVerdict): CriterionVerdict {
  return { text: bounded(text), verdict, detail: bounded(detail) };
}

function foldRecorded({ run, startedByMessage }: Recorded, commit: Commit<ActionEvent>): Recorded {
  return {
    run: foldAction(run, commit),
    startedByMessage: startedByMessage ?? commit.events.map(startingMessage).find((seq) => seq !== undefined),
  };
}

function startingMessage(event: ActionEvent): number | undefined {
  const seq = event.type === 'action.started' ? STARTED_ID.exec(event.id)?.[1] : undefined;
  return seq === undefined ? undefined : Number(seq);
}
