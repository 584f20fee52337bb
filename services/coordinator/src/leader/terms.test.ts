import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { holdLease, type Lease, openJournal, openSnapshots } from '@conclave/bus';
import { startTestBus, until } from '@conclave/bus/testing';
import {
  aggregates,
  conclaveConfig,
  type DesiredConfirmation,
  desiredConfirmation,
  parseCommit,
  sha256,
  subjects,
} from '@conclave/contracts';
import { history, writeTo } from '@conclave/histories';
import { createHealth, followWorld, loadOperators, systemClock } from '@conclave/service';
import { optionsOf } from '../coordinator-options.ts';
import { QuarantineBox } from '../incidents/quarantine-reports.ts';
import { type EvidenceFollower, followEvidence } from './evidence-follower.ts';
import { lead } from './leadership.ts';
import { nextEpoch } from './term.ts';
import { standForLeader } from './terms.ts';

const OLD_EPOCH = 57;

/** A journal that a leader of epoch 57 has written to, beside a bucket of leases that has just been made. */
async function startBench() {
  const bench = await startTestBus();
  const journal = openJournal(bench.bus, { by: 'test' });
  const at = new Date().toISOString();
  const old = { leader: 'coordinator-0', leaderEpoch: OLD_EPOCH };
  const adopted = { model: 'm', version: '1.0', digest: sha256('1.0'), dataset: sha256('d'), by: 'ada' };
  await journal.append(aggregates.schedule, 0, [{ id: 'e1', type: 'schedule.leader_elected', at, data: old }]);
  await journal.append(aggregates.rollouts('m'), 0, [
    { id: 'e2', type: 'rollout.adopted', at, data: adopted },
    { id: 'e3', type: 'rollout.leader_changed', at, data: old },
  ]);
  const follower = await followWorld({ journal, onError: (error) => assert.fail(String(error)) });
  await follower.ready();
  const options = optionsOf(conclaveConfig.parse({ limits: { leaseTtlMs: 2000 } }));
  const fail = (fields: object) => assert.fail(String(Object(fields).err));
  const log = { info() {}, warn: fail, error: fail };
  const evidence = await followEvidence({
    bus: bench.bus,
    snapshots: openSnapshots(bench.bus),
    follower,
    clock: systemClock,
    longestPauseSeconds: options.evidenceMaxAgeSeconds,
    log,
    onQuarantined: ({ reason }) => assert.fail(reason),
  });
  const parts = {
    ...{
      bus: bench.bus,
      journal,
      follower,
      evidence,
      quarantine: new QuarantineBox(),
      options,
      clock: systemClock,
      operators: loadOperators(undefined),
    },
    instance: 'coordinator-1',
    newId: randomUUID,
    log,
  };
  return {
    bench,
    follower,
    parts,
    async elections() {
      const commits = await journal.read(aggregates.schedule);
      return commits
        .flatMap((c) => parseCommit('schedule', c).events)
        .filter((e) => e.type === 'schedule.leader_elected');
    },
    async [Symbol.asyncDispose]() {
      await evidence.stop();
      await follower.stop();
      await bench[Symbol.asyncDispose]();
    },
  };
}

test('a leader whose leases were forgotten takes over from the epoch on record, on the schedule and on every rollout', async () => {
  await using running = await startBench();
  const { bench, follower, parts } = running;
  const confirmed: number[] = [];
  const hearing = bench.bus.subscribeCore(subjects.desired('m'), (message) => {
    confirmed.push(desiredConfirmation.parse(message.json()).leaderEpoch);
  });
  const terms = standForLeader({ ...parts, health: createHealth(), halt: (error) => assert.fail(String(error)) });
  await until(() => confirmed.length > 0, 'the runners are told which state holds');
  hearing.unsubscribe();
  await terms.stop();
  const { schedule, rollouts } = follower.world;
  assert.equal(schedule.leader, 'coordinator-1');
  assert.ok(schedule.leaderEpoch > OLD_EPOCH, `${schedule.leaderEpoch}`);
  assert.equal(rollouts.m?.leader, 'coordinator-1');
  assert.equal(rollouts.m?.leaderEpoch, schedule.leaderEpoch);
  assert.deepEqual(new Set(confirmed), new Set([schedule.leaderEpoch]), 'runners heed no epoch below the last');
});

const held: Lease = { fence: 1, holder: 'coordinator-1', isHeld: () => true };

test('a term that has to begin again says once that it leads', async () => {
  await using running = await startBench();
  const term = { lease: held, epoch: await nextEpoch(running.parts.journal, running.follower) };
  for (let attempt = 0; attempt < 2; attempt++) await (await lead(term, running.parts)).stop();
  assert.deepEqual(
    (await running.elections()).map(({ data }) => data.leaderEpoch),
    [OLD_EPOCH, OLD_EPOCH + 1],
  );
});

const laterEvent = (type: string) => ({ id: type, type, at: new Date().toISOString(), data: {} });

test('a rollout that cannot be read is fenced by a new leader all the same', async () => {
  await using running = await startBench();
  const { journal } = running.parts;
  const { seq } = await journal.append(aggregates.rollouts('m'), 'any', [laterEvent('rollout.teleported')]);
  await running.follower.waitForSeq(seq);
  const term = { lease: held, epoch: await nextEpoch(journal, running.follower) };
  await (await lead(term, running.parts)).stop();
  assert.equal(running.follower.world.rollouts.m?.leader, 'coordinator-1');
});

test('who cannot read the schedule does not stand, from the beginning', async () => {
  await using running = await startBench();
  const { bench, parts } = running;
  const { seq } = await parts.journal.append(aggregates.schedule, 'any', [laterEvent('schedule.teleported')]);
  await running.follower.waitForSeq(seq);
  const health = createHealth();
  const said = Promise.withResolvers<unknown>();
  const log = { ...parts.log, error: (fields: object) => said.resolve(Object(fields).reason) };
  const terms = standForLeader({ ...parts, log, health, halt: (error) => assert.fail(String(error)) });
  assert.match(String(await said.promise), /commit 3 of schedule has event schedule\.teleported.*until it is upgraded/);
  assert.match(health.live().checks.leadership?.detail ?? '', /CVE_JOURNAL_UNKNOWN_EVENT/);
  assert.ok(health.live().ok);
  const acquired = Promise.withResolvers<void>();
  const other = { holder: 'coordinator-9', onAcquired: () => acquired.resolve(), onLost() {} };
  const lease = holdLease(bench.bus, { name: 'coordinator', ttlMs: 2000, ...other });
  await acquired.promise;
  await lease.release();
  await terms.stop();
  assert.equal(running.follower.world.schedule.leaderEpoch, OLD_EPOCH);
});

test('nobody leads under an epoch that another has taken', async () => {
  await using running = await startBench();
  await assert.rejects(lead({ lease: held, epoch: OLD_EPOCH }, running.parts), {
    code: 'CVE_FENCED',
    message: /coordinator-0 has taken epoch 57, so coordinator-1 cannot lead under 57/,
  });
  assert.equal((await running.elections()).length, 1);
  assert.equal(running.follower.world.rollouts.m?.leader, 'coordinator-0');
});

test('a leader tells the runners exactly the state on record, before it has all the evidence, and judges nothing until then', async () => {
  await using running = await startBench();
  const { bench, follower, parts } = running;
  const confirmed: DesiredConfirmation[] = [];
  let told = 0;
  const hearing = [
    bench.bus.subscribeCore(subjects.desired('m'), (message) => {
      confirmed.push(desiredConfirmation.parse(message.json()));
    }),
    bench.bus.subscribeCore(subjects.gatesAll, () => {
      told++;
    }),
  ];
  const { journal } = parts;
  await writeTo(journal, history({ model: 'm', afterSeq: 3 }).applied().inStage('shadow'));
  await follower.waitForSeq(await journal.lastSeq());
  const read = Promise.withResolvers<void>();
  const evidence: EvidenceFollower = {
    isWhole: true,
    lastActivityAt: performance.now(),
    of: (model) => parts.evidence.of(model),
    onWindow: (listener) => parts.evidence.onWindow(listener),
    catchUp: () => read.promise,
    saveSnapshot: () => parts.evidence.saveSnapshot(),
    stop: async () => {},
  };
  const term = { lease: held, epoch: await nextEpoch(journal, follower) };
  const leading = lead(term, { ...parts, evidence });
  await until(() => confirmed.length > 1, 'the runners hear the leader twice');
  assert.ok(confirmed.every(({ seq }) => seq === follower.world.rollouts.m?.seq));
  assert.deepEqual([told, follower.world.rollouts.m?.current?.verdicts], [0, {}]);
  read.resolve();
  await until(() => told > 0, 'it judges');
  for (const each of hearing) each.unsubscribe();
  await (await leading).stop();
});
