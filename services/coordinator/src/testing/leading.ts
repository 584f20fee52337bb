import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { openJournal, openSnapshots, type Quarantined } from '@conclave/bus';
import { startTestBus, type TestBus } from '@conclave/bus/testing';
import { type Aggregate, conclaveConfig, type RawEvent, subjects } from '@conclave/contracts';
import type { World } from '@conclave/core';
import { type Clock, createHealth, followWorld, systemClock } from '@conclave/service';
import { serveReplicaApi } from '../api/replica-api.ts';
import { optionsOf } from '../coordinator-options.ts';
import { QuarantineBox } from '../incidents/quarantine-reports.ts';
import { followEvidence } from '../leader/evidence-follower.ts';
import { standForLeader } from '../leader/terms.ts';
import { watchRunners } from '../leader/watch-runners.ts';

const TOKEN = 'the-operators-token';

/** A coordinator that leads in this process, on a NATS server of its own. */
export interface LeadingCoordinator extends AsyncDisposable {
  readonly bench: TestBus;
  world(): World;
  /** Resolves with what `pick` finds in the present world or a later one. */
  until<T>(pick: (world: World) => T | undefined): Promise<T>;
  /** Calls a verb as the operator `ada`. @returns the answer's JSON. */
  call(verb: string, body: unknown): Promise<unknown>;
  /** Writes events past the coordinator, as if they had been there before. */
  given(aggregate: Aggregate, ...events: (readonly [type: string, data: object, at?: string])[]): Promise<void>;
}

/** @param clock of the leader; one that stands still makes nothing due */
export async function startLeading({
  clock = systemClock,
  pace = {},
}: {
  clock?: Clock;
  pace?: object;
} = {}): Promise<LeadingCoordinator> {
  const bench = await startTestBus();
  const journal = openJournal(bench.bus, { by: 'coordinator-0' });
  const follower = await followWorld({ journal, onError: (error) => assert.fail(String(error)) });
  await follower.ready();
  const shared = {
    bus: bench.bus,
    journal,
    clock,
    operators: { names: ['ada'], identify: (token?: string) => (token === TOKEN ? 'ada' : undefined) },
    newId: randomUUID,
    instance: 'coordinator-0',
  };
  const options = optionsOf(conclaveConfig.parse({ limits: { leaseTtlMs: 2000 }, pace: { soakSeconds: 2, ...pace } }));
  const { soakSeconds } = options;
  const log = { info() {}, warn() {}, error() {} };
  const quarantine = new QuarantineBox();
  const onQuarantined = (message: Quarantined): void => quarantine.add(message);
  const evidence = await followEvidence({
    bus: bench.bus,
    snapshots: openSnapshots(bench.bus),
    follower,
    clock: systemClock,
    longestPauseSeconds: options.evidenceMaxAgeSeconds,
    log,
    onQuarantined,
  });
  const runners = await watchRunners(bench.bus, { onQuarantined });
  const replica = serveReplicaApi({
    ...shared,
    soakSeconds,
    world: () => follower.world,
    runners: runners.present,
  });
  await replica.ready();
  const terms = standForLeader({
    ...shared,
    follower,
    evidence,
    quarantine,
    options,
    log,
    health: createHealth(),
    halt: (error) => assert.fail(String(error)),
  });
  const call: LeadingCoordinator['call'] = async (verb, body) => {
    const headers = { 'Conclave-Token': TOKEN };
    return (await bench.bus.request(subjects.api(verb), body, { timeoutMs: 20_000, headers })).json();
  };
  await follower.waitFor(({ schedule }) => schedule.leader, { timeoutMs: 20_000, what: 'a leader' });
  return {
    bench,
    world: () => follower.world,
    until: (pick) => follower.waitFor(pick, { timeoutMs: 20_000, what: 'what the test waits for' }),
    call,
    async given(aggregate, ...events) {
      const raw = events.map(
        ([type, data, at = new Date().toISOString()]): RawEvent => ({ id: randomUUID(), type, at, data }),
      );
      const { seq } = await journal.append(aggregate, 'any', raw);
      await follower.waitForSeq(seq);
    },
    async [Symbol.asyncDispose]() {
      await terms.stop();
      await replica.stop();
      await runners.stop();
      await evidence.stop();
      await follower.stop();
      await bench[Symbol.asyncDispose]();
    },
  };
}
