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
  /** @param call the first call, where it is known already: one commit then says both */
  start(
    messageSeq: number,
    data: EventData<'action.started'>,
    call?: EventData<'action.tool_called'> | undefined,
  ): Promise<void>;
  toolCalled(data: EventData<'action.tool_called'>): Promise<void>;
  /** @param conclude how the action ends now that the call has returned, if it does: one commit then says both */
  toolReturned(
    data: EventData<'action.tool_returned'>,
    conclude?: (run: ActionRun) => Promise<Completion | undefined>,
  ): Promise<void>;
  /** A call that was refused before it was made: called and returned in one commit. */
  toolRefused(called: EventData<'action.tool_called'>, error: string): Promise<void>;
  complete(completion: Completion): Promise<void>;
}

/** A record of which nothing is known: the first append to it expects that there is none. */
export function newActionRecord(journal: Pick<Journal, 'append'>, actionId: string, now: () => Date): ActionRecord {
  return recordFrom(journal, initialAction(actionId), undefined, now);
}

const STARTED_ID = /\/started\/(\d+)\//;

/** Reads the aggregate and keeps it up to date with this worker's own appends. */
export async function openActionRecord(
  journal: Pick<Journal, 'append' | 'read'>,
  actionId: string,
  now: () => Date,
): Promise<ActionRecord> {
  const commits = (await journal.read(aggregates.action(actionId))).map((commit) => parseCommit('actions', commit));
  const startedByMessage = commits
    .flatMap(({ events }) => events)
    .map(startingMessage)
    .find((seq) => seq !== undefined);
  return recordFrom(journal, commits.reduce(foldAction, initialAction(actionId)), startedByMessage, now);
}

function recordFrom(
  journal: Pick<Journal, 'append'>,
  from: ActionRun,
  startedBy: number | undefined,
  now: () => Date,
): ActionRecord {
  const { actionId } = from;
  const aggregate = aggregates.action(actionId);
  let run = from;
  let startedByMessage = startedBy;

  const after = (seq: number, events: readonly ActionEvent[]): ActionRun =>
    foldAction(run, { aggregate, seq, storedAt: now().toISOString(), by: '', fence: undefined, events });
  const append = async (...events: readonly ActionEvent[]): Promise<void> => {
    const { seq } = await journal.append(aggregate, run.seq, events);
    run = after(seq, events);
  };
  // A random part: two workers that write the same thing are a conflict, not one commit stored twice.
  const stamp = (what: string): { id: string; at: string } => ({
    id: `${actionId}/${what}/${randomUUID()}`,
    at: now().toISOString(),
  });

  // Its arguments stay whole: a call that is made again after a crash is made with what is on record.
  const called = (data: EventData<'action.tool_called'>): ActionEvent => ({
    ...stamp('called'),
    type: 'action.tool_called',
    data: { ...data, reason: bounded(data.reason) },
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
      return run;
    },
    get startedByMessage() {
      return startedByMessage;
    },
    async start(messageSeq, data, call) {
      const started: ActionEvent = { ...stamp(`started/${messageSeq}`), type: 'action.started', data };
      await append(started, ...(call === undefined ? [] : [called(call)]));
      startedByMessage ??= messageSeq;
    },
    toolCalled: (data) => append(called(data)),
    async toolReturned({ result, error, ...data }, conclude) {
      const returned: ActionEvent = {
        ...stamp('returned'),
        type: 'action.tool_returned',
        data: { ...data, result: fitResult(result), ...(error === undefined ? {} : { error: bounded(error) }) },
      };
      const completion = await conclude?.(after(run.seq, [returned]));
      await append(returned, ...(completion === undefined ? [] : [completed(completion)]));
    },
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
  };
}

function boundedVerdict({ text, verdict, detail }: CriterionVerdict): CriterionVerdict {
  return { text: bounded(text), verdict, detail: bounded(detail) };
}

function startingMessage(event: ActionEvent): number | undefined {
  const seq = event.type === 'action.started' ? STARTED_ID.exec(event.id)?.[1] : undefined;
  return seq === undefined ? undefined : Number(seq);
}
