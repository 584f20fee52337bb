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
import {
  type AggregateFold,
  type AggregateState,
  newAggregate,
  openAggregate,
  type WritePolicy,
  writeAggregate,
} from '@conclave/service';
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
 * One action's aggregate as this worker knows it. When another worker has written since, an append throws
 * JournalConflict and this worker must stop.
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
  /** The same unless it is completed already. */
  completeIfOpen(completionOf: (run: ActionRun) => Completion): Promise<void>;
}

interface Recorded {
  readonly run: ActionRun;
  readonly startedByMessage: number | undefined;
}

const STARTED_ID = /\/started\/(\d+)\//;

/** A record of which nothing is known: the first append to it expects that there is none. */
export function newActionRecord(
  journal: Pick<Journal, 'append' | 'read'>,
  actionId: string,
  now: () => Date,
): ActionRecord {
  const own = newAggregate(journal, aggregates.action(actionId), foldOf(actionId));
  return recordFrom(journal, own, now, 'give_up');
}

/**
 * Reads the aggregate and keeps it up to date with this worker's own appends.
 * @param onConflict `decide_anew` for who does not compete for the action
 */
export async function openActionRecord(
  journal: Pick<Journal, 'append' | 'read'>,
  actionId: string,
  now: () => Date,
  onConflict: NonNullable<WritePolicy['onConflict']> = 'give_up',
): Promise<ActionRecord> {
  const own = await openAggregate(journal, aggregates.action(actionId), foldOf(actionId));
  return recordFrom(journal, own, now, onConflict);
}

function foldOf(actionId: string): AggregateFold<'actions', Recorded> {
  const initial = { run: initialAction(actionId), startedByMessage: undefined };
  return { initial, fold: foldRecorded, unread: 'refuse' };
}

function recordFrom(
  journal: Pick<Journal, 'append'>,
  own: AggregateState<'actions', Recorded>,
  now: () => Date,
  onConflict: NonNullable<WritePolicy['onConflict']>,
): ActionRecord {
  const { aggregate } = own;
  const actionId = aggregate.id;
  const writer = writeAggregate(journal, own, { onConflict });

  const append = async (...events: readonly ActionEvent[]): Promise<void> => {
    await writer.commit(() => events);
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
      return writer.state.run;
    },
    get startedByMessage() {
      return writer.state.startedByMessage;
    },
    async start(messageSeq, data, call) {
      const started: ActionEvent = { ...stamp(`started/${messageSeq}`), type: 'action.started', data };
      await append(started, ...(call === undefined ? [] : [called(call)]));
    },
    toolCalled: (data) => append(called(data)),
    async toolReturned({ result, error, ...data }, conclude) {
      const returned: ActionEvent = {
        ...stamp('returned'),
        type: 'action.tool_returned',
        data: { ...data, result: fitResult(result), ...(error === undefined ? {} : { error: bounded(error) }) },
      };
      const { run } = writer.state;
      const commit = { aggregate, seq: run.seq, storedAt: returned.at, by: '', fence: undefined, events: [returned] };
      const completion = await conclude?.(foldAction(run, commit));
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
