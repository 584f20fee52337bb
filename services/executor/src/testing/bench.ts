import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bus, type Journal, openJournal, openWorkQueue, serveApi } from '@conclave/bus';
import { startTestBus, type TestBus } from '@conclave/bus/testing';
import { type ActionWork, aggregates, type DeployAnswer, type PlannedAction, subjects } from '@conclave/contracts';
import { type ActionRun, foldAction, initialAction, workSubjectOf } from '@conclave/core';
import { writeTo } from '@conclave/histories';
import { readAggregate } from '@conclave/service';
import { applied } from './executor-world.ts';

/**
 * A real server with a model registered, 1.0 stable and 1.1 applied, and stand-ins for the services an executor talks to.
 */
export interface Bench extends AsyncDisposable {
  readonly test: TestBus;
  readonly bus: Bus;
  readonly journal: Journal;
  /** Deleted at the end. */
  readonly dir: string;
  /** Stages the stand-in coordinator entered, by the action that asked. */
  readonly entered: string[];
  /** All deploy requests it was sent. */
  readonly asked: string[];
  /** What it answers, when it is not to enter the stage. */
  refuse: DeployAnswer | undefined;
  dispatch(action: PlannedAction, options?: { attempt?: number; msgId?: string }): Promise<number>;
  runOf(actionId: string): Promise<ActionRun>;
}

export async function startBench(options: { users?: boolean } = {}): Promise<Bench> {
  const test = await startTestBus(options);
  const { bus } = test;
  const dir = await mkdtemp(join(tmpdir(), 'conclave-executor-test-'));
  const journal = openJournal(bus, { by: 'coordinator-0' });
  await writeTo(journal, applied());
  const bench: Bench = {
    test,
    bus,
    journal,
    dir,
    entered: [],
    asked: [],
    refuse: undefined,
    async dispatch(action, { attempt = 1, msgId } = {}) {
      const work: ActionWork = { action, attempt };
      const id = msgId ?? `${action.actionId}#${attempt}`;
      return (await openWorkQueue(bus).publish(workSubjectOf(action), work, { msgId: id })).seq;
    },
    runOf(actionId) {
      const how = { initial: initialAction(actionId), fold: foldAction, unread: 'refuse' } as const;
      return readAggregate(journal, aggregates.action(actionId), how);
    },
    async [Symbol.asyncDispose]() {
      await api.stop();
      await test[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
  const api = await standInCoordinator(bench);
  return bench;
}

/** Enters a stage once for one action, as the coordinator does. */
async function standInCoordinator(bench: Bench): Promise<{ stop(): Promise<void> }> {
  const api = serveApi(bench.bus, { name: 'conclave-coordinator', version: '0.1.0', description: 'stand-in' });
  api.endpoint('deploy', subjects.api('deploy'), async ({ body }): Promise<DeployAnswer> => {
    const requestedBy = String(Reflect.get(Object(body), 'requestedBy'));
    bench.asked.push(requestedBy);
    if (bench.refuse !== undefined) return bench.refuse;
    const isNew = !bench.entered.includes(requestedBy);
    if (isNew) bench.entered.push(requestedBy);
    return { outcome: isNew ? 'entered' : 'already_there', stage: 'shadow', stageEpoch: 1, missing: [] };
  });
  await api.ready();
  return api;
}
