import { type Bus, openJournal } from '@conclave/bus';
import { aggregates, type Commit, type PlannedAction, readableEvents } from '@conclave/contracts';
import { type ActionRun, foldAction, initialAction } from '@conclave/core';
import { readAggregate } from '@conclave/service';
import { readThrough } from '../read-world.ts';
import { unknownId } from './unknown-id.ts';

/** An action as it was planned, and how far it is. */
export interface ActionOnRecord {
  readonly planned: PlannedAction;
  readonly origin: 'meeting' | 'user';
  readonly acceptedAt: string;
  readonly dispatchedAt: string | undefined;
  readonly attempt: number;
  readonly endedAt: string | undefined;
  /** `waiting`, `dispatched`, or how it ended. */
  readonly state: string;
  /** In the executor's words, once it is completed. */
  readonly summary: string;
}

/** Every action on record, whatever its age, in the order in which they were taken in. */
export async function readActions(bus: Bus): Promise<ActionOnRecord[]> {
  const all = new Map<string, ActionOnRecord>();
  await readThrough(bus, ['schedule', 'actions'], (commit) => {
    if (commit.aggregate.kind === 'actions') noteRun(all, commit);
    else noteSchedule(all, commit);
  });
  return [...all.values()];
}

/** One action of any age: as planned, and how its executor recorded it. @throws CVE_ACTION_UNKNOWN naming ids close to it */
export async function readAction(bus: Bus, actionId: string): Promise<{ action: ActionOnRecord; run: ActionRun }> {
  const actions = await readActions(bus);
  const action = actions.find(({ planned }) => planned.actionId === actionId);
  if (action === undefined) {
    const known = actions.map(({ planned }) => planned.actionId).reverse();
    const list = 'conclave actions list';
    throw unknownId('CVE_ACTION_UNKNOWN', { what: 'action', given: actionId, list }, known);
  }
  const run = await readAggregate(openJournal(bus, { by: 'conclave-cli' }), aggregates.action(actionId), {
    initial: initialAction(actionId),
    fold: foldAction,
    unread: 'pass_over',
  });
  return { action, run };
}

function noteRun(all: Map<string, ActionOnRecord>, commit: Commit): void {
  for (const event of readableEvents('actions', commit))
    if (event.type === 'action.completed') change(all, event.data.actionId, { summary: event.data.summary });
}

function noteSchedule(all: Map<string, ActionOnRecord>, commit: Commit): void {
  for (const event of readableEvents('schedule', commit)) {
    const { type, at, data } = event;
    if (type === 'schedule.plan_accepted') {
      const begun = { origin: data.origin, acceptedAt: at, dispatchedAt: undefined, attempt: 0, endedAt: undefined };
      for (const planned of data.actions)
        all.set(planned.actionId, { planned, ...begun, state: 'waiting', summary: '' });
    } else if (type === 'schedule.action_dispatched') {
      change(all, data.actionId, { state: 'dispatched', attempt: data.attempt, dispatchedAt: at });
    } else if (type === 'schedule.action_ended') {
      change(all, data.actionId, { state: data.outcome, endedAt: at });
    } else if (type === 'schedule.action_superseded') {
      change(all, data.actionId, { state: 'superseded', endedAt: at });
    }
  }
}

/** The first end counts. */
function change(all: Map<string, ActionOnRecord>, actionId: string, changes: Partial<ActionOnRecord>): void {
  const action = all.get(actionId);
  if (action === undefined || (action.endedAt !== undefined && changes.state !== undefined)) return;
  all.set(actionId, { ...action, ...changes });
}
