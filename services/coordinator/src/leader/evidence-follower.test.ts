import assert from 'node:assert/strict';
import { it } from 'node:test';
import { openJournal, openSnapshots, publishTelemetry, type Quarantined } from '@conclave/bus';
import { startTestBus, until } from '@conclave/bus/testing';
import { STREAMS, subjects, type TelemetryWindow } from '@conclave/contracts';
import { systemClock } from '@conclave/service';
import { measured, STAGE_COMMITS, worldAfter } from '../testing/stage-history.ts';
import { MODEL } from '../testing/test-world.ts';
import { type EvidenceFollower, type EvidenceParts, followEvidence } from './evidence-follower.ts';

const SUBJECT = subjects.telemetry(MODEL, '1.0');
const of3 = (from: number): TelemetryWindow => measured({ candidate: true, epoch: 3, from });

/** Replicas on one server; the world that they share is the test's. */
async function startBench() {
  const bench = await startTestBus();
  const journal = openJournal(bench.bus, { by: 'coordinator-0' });
  for (const { aggregate, events } of STAGE_COMMITS) await journal.append(aggregate, 'any', events);
  const started: EvidenceFollower[] = [];
  const follower = { world: worldAfter() };
  const told: string[] = [];
  const log = { info() {}, warn() {}, error() {} };
  const onQuarantined = ({ seq, reason }: Quarantined) => void told.push(`${seq}: ${reason}`);
  return {
    bench,
    follower,
    told,
    snapshots: openSnapshots(bench.bus),
    publish: async (...bodies: readonly unknown[]) => {
      for (const body of bodies) await publishTelemetry(bench.bus, SUBJECT, body);
    },
    async replica(parts: Partial<EvidenceParts> = {}) {
      const snapshots = openSnapshots(bench.bus);
      const shared = {
        bus: bench.bus,
        snapshots,
        follower,
        clock: systemClock,
        longestPauseSeconds: 120,
        log,
        onQuarantined,
      };
      const replica = await followEvidence({ ...shared, ...parts });
      started.push(replica);
      return replica;
    },
    requests: (replica: EvidenceFollower) => replica.of(MODEL)?.total?.requests ?? 0,
    async [Symbol.asyncDispose]() {
      for (const each of started) await each.stop();
      await bench[Symbol.asyncDispose]();
    },
  };
}

it('a replica counts what the stream holds and what comes, and says when it has what was there', async () => {
  await using c = await startBench();
  const empty = await c.replica();
  await empty.catchUp();
  assert.equal(empty.of(MODEL)?.total, undefined);
  await c.publish(of3(310), of3(320));
  await empty.catchUp();
  assert.equal(c.requests(empty), 6);
  const later = await c.replica();
  await later.catchUp();
  assert.deepEqual(later.of(MODEL), empty.of(MODEL));
});

it('passes over what is no window, twice there, or broken, also at the end of the stream', async () => {
  await using c = await startBench();
  await c.publish(of3(310), of3(310), { kind: 'window' });
  const replica = await c.replica();
  await replica.catchUp();
  assert.equal(c.requests(replica), 3);
  assert.match(c.told.join('\n'), /^2: .*counted up to .*\n3: it is no telemetry window.*runner/s);
});

it('is there when every message has gone from the stream', async () => {
  await using c = await startBench();
  await c.publish(of3(310));
  await purge(c.bench);
  const replica = await c.replica();
  await replica.catchUp();
  assert.equal(c.requests(replica), 0);
});

it('goes on from the snapshot, and reads nothing before it again', async () => {
  await using c = await startBench();
  c.follower.world = worldAfter(8);
  const first = await c.replica();
  await c.publish(of3(310), of3(320));
  await first.catchUp();
  assert.equal(c.requests(first), 0, 'nobody is known to serve stage 3 yet');
  await first.saveSnapshot();
  await purge(c.bench);
  await c.publish(of3(330));
  c.follower.world = worldAfter();
  const second = await c.replica();
  await second.catchUp();
  assert.equal(c.requests(second), 9);
  await first.catchUp();
  assert.deepEqual(first.of(MODEL), second.of(MODEL));
});

it('reads the stream instead of a snapshot that is of another version, another stream, other settings or damaged', async () => {
  await using c = await startBench();
  await c.publish(of3(310), of3(320));
  const first = await c.replica();
  await first.catchUp();
  await first.saveSnapshot();
  const good = (await c.snapshots.load('evidence')) ?? assert.fail('a snapshot');
  const state = (change: object) => ({ ...Object(good.state), ...change });
  const { book } = Object(good.state);
  const bad: [string, Parameters<typeof c.snapshots.save>[1], Partial<EvidenceParts>][] = [
    ['another version', { ...good, foldVersion: good.foldVersion + 1 }, {}],
    ['another stream', { ...good, state: state({ created: '2020-01-01T00:00:00Z' }) }, {}],
    ['behind the end', { ...good, state: state({ book: { ...book, position: 1000 } }) }, {}],
    ['no book', { ...good, state: state({ book: { position: 2 } }) }, {}],
    ['other settings', good, { longestPauseSeconds: 60 }],
  ];
  for (const [what, snapshot, parts] of bad) {
    await c.snapshots.save('evidence', snapshot);
    const replica = await c.replica(parts);
    await replica.catchUp();
    assert.equal(c.requests(replica), 6, what);
  }
  await c.snapshots.save('evidence', good);
  await purge(c.bench);
  const replica = await c.replica();
  await replica.catchUp();
  assert.equal(c.requests(replica), 6, 'the good one counts');
});

it('reads again what found no room before its stage began, and is not whole until then', async () => {
  await using c = await startBench();
  c.follower.world = worldAfter(8);
  const replica = await c.replica({ mostWaiting: 2 });
  await c.publish(of3(310), of3(320), of3(330), of3(340));
  await replica.catchUp();
  assert.equal(replica.isWhole, true);
  c.follower.world = worldAfter();
  replica.of(MODEL);
  assert.equal(replica.isWhole, false);
  await until(() => replica.isWhole, 'it has read everything again');
  assert.equal(c.requests(replica), 12);
  await c.publish(of3(350));
  await replica.catchUp();
  assert.equal(c.requests(replica), 15);
});

/** Takes every message out of the stream of telemetry. */
async function purge(bench: Awaited<ReturnType<typeof startTestBus>>): Promise<void> {
  await bench.bus.request(`$JS.API.STREAM.PURGE.${STREAMS.telemetry}`, {}, { timeoutMs: 5000 });
}
