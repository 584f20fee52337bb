import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Aggregate, aggregates, BUCKETS, ConclaveError, STREAMS, subjects } from '@conclave/contracts';
import { serveApi } from './api-service.ts';
import { openArtifacts } from './artifacts.ts';
import { connectBus } from './connection.ts';
import { deadLetter, listDeadLetters } from './dead-letters.ts';
import { openHandbacks } from './handbacks.ts';
import { openJournal } from './journal.ts';
import { kvPut } from './kv.ts';
import { holdLease } from './lease.ts';
import { openMembership, openSeats } from './membership.ts';
import { nativeOf } from './native.ts';
import { createNkey } from './nkeys.ts';
import { type NatsUser, ROLLBACK_CONSUMER } from './permissions.ts';
import type { Bus } from './ports/connection.ts';
import { openSnapshots } from './snapshots.ts';
import { followTelemetry, publishInbox, publishTelemetry } from './telemetry.ts';
import { startTestBus, type TestBus, until } from './testing/index.ts';
import { testEvent } from './testing/test-event.ts';
import { waitForTopology } from './topology.ts';
import { openWorkQueue } from './work-queue.ts';

/** Longest wait for the server's word, which comes at once for what it refuses too. */
const ANSWER_MS = 20_000;
const DENIED = /CVE_UNAUTHORIZED/;
const EVERY: readonly Aggregate[] = [
  aggregates.schedule,
  aggregates.roadmap,
  aggregates.rollouts('m'),
  aggregates.meeting('m'),
  aggregates.action('m'),
  aggregates.evaluation('m'),
  aggregates.incident('m'),
  aggregates.model('m'),
];
const WRITES: Readonly<Record<NatsUser, readonly Aggregate['kind'][]>> = {
  coordinator: ['schedule', 'roadmap', 'rollouts', 'incidents', 'models'],
  planner: ['meetings'],
  executor: ['actions'],
  'gpu-runner': ['evaluations'],
  metrics: [],
  operator: [],
  publisher: [],
};

describe('permissions', () => {
  let test: TestBus;
  const buses = new Map<NatsUser, Bus>();
  const as = (user: NatsUser): Bus => buses.get(user) ?? assert.fail(user);
  before(async () => {
    test = await startTestBus({ users: true });
    for (const user of Object.keys(WRITES) as NatsUser[]) buses.set(user, await test.connect(user));
  });
  after(async () => {
    await test[Symbol.asyncDispose]();
  });

  for (const user of Object.keys(WRITES) as NatsUser[]) {
    it(`${user} appends to ${WRITES[user].join(', ') || 'nothing'} and to nothing else`, async () => {
      const journal = openJournal(as(user), { by: user });
      for (const aggregate of EVERY) {
        const append = journal.append(aggregate, 'any', [testEvent(`${user}-${aggregate.kind}`)]);
        if (WRITES[user].includes(aggregate.kind)) assert.ok((await append).seq > 0);
        else await assert.rejects(append, DENIED, `${user} on ${aggregate.kind}`);
      }
    });
  }

  for (const user of ['coordinator', 'planner', 'executor', 'gpu-runner', 'metrics', 'operator'] as const) {
    it(`${user} sees the topology, follows and reads the journal`, async () => {
      await waitForTopology(as(user));
      const journal = openJournal(as(user), { by: user });
      let commits = 0;
      const follower = journal.follow({
        filters: [subjects.journalKind('rollouts'), subjects.journalKind('schedule')],
        onCommit: () => void commits++,
        onError: (error) => assert.fail(String(error)),
      });
      await until(() => follower.caughtUp && commits > 0, 'caught up');
      await follower.stop();
      assert.equal((await journal.read(aggregates.schedule)).length, 1);
      assert.ok((await journal.lastSeq()) > 0);
    });
  }

  for (const service of ['planner', 'executor'] as const) {
    it(`of the seats of ${service}, ${service} alone reports`, async () => {
      await openSeats(as(service), service).put(`${service}.0`, { seats: [] });
      for (const user of Object.keys(WRITES) as NatsUser[]) {
        if (user === service) continue;
        await assert.rejects(openSeats(as(user), service).put(`${service}.0`, {}), DENIED, user);
      }
      for (const reader of ['operator', 'metrics', 'coordinator'] as const) {
        const all = await openSeats(as(reader)).all();
        assert.deepEqual(all.get(`${service}/${service}.0`), { seats: [] }, reader);
      }
      await openSeats(as(service), service).delete(`${service}.0`);
    });
  }

  it('work goes from the coordinator to its workers', async () => {
    const queue = openWorkQueue(as('coordinator'));
    await queue.publish(subjects.workMeeting, {}, { msgId: 'meeting' });
    await queue.publish(subjects.workAction('ops_commander'), {}, { msgId: 'action' });
    await queue.publish(subjects.workRollback('ops_commander'), {}, { msgId: 'rollback' });
    await openWorkQueue(as('executor')).publish(subjects.workEvaluation, {}, { msgId: 'evaluation' });
    await publishInbox(as('publisher'), subjects.handoff, {});
    const seen: string[] = [];
    const consume = (user: NatsUser, filter: string, name: string = user) =>
      openWorkQueue(as(user)).consume({
        name,
        filter,
        concurrency: 1,
        handler: async (job) => void seen.push(job.subject),
      });
    const consumers = [
      consume('planner', subjects.workMeeting),
      consume('executor', subjects.workActionAll),
      consume('executor', subjects.workRollbackAll, ROLLBACK_CONSUMER),
      consume('gpu-runner', subjects.workEvaluation),
      openWorkQueue(as('coordinator')).consume({
        stream: 'inbox',
        name: 'coordinator-inbox',
        filter: [subjects.handoff, subjects.incident, subjects.insight],
        concurrency: 1,
        handler: async (job) => void seen.push(job.subject),
      }),
    ];
    await until(() => seen.length === 5, 'all handled');
    await Promise.all(consumers.map((consumer) => consumer.stop()));
    assert.equal(
      (await nativeOf(as('coordinator')).jsm.streams.info(STREAMS.work)).state.messages,
      0,
      'all acknowledged',
    );
  });

  it('nobody takes or makes the work of others', async () => {
    const publish = (user: NatsUser, subject: string) =>
      openWorkQueue(as(user)).publish(subject, {}, { msgId: `${user}-${subject}` });
    await assert.rejects(publish('planner', subjects.workAction('x')), DENIED);
    await assert.rejects(publish('planner', subjects.workMeeting), DENIED);
    await assert.rejects(publish('executor', subjects.workAction('x')), DENIED);
    await assert.rejects(publish('executor', subjects.workRollback('x')), DENIED);
    await assert.rejects(publish('planner', subjects.workRollback('x')), DENIED);
    await assert.rejects(publish('gpu-runner', subjects.workEvaluation), DENIED);
    await assert.rejects(publish('publisher', subjects.workMeeting), DENIED);
    const { jsm } = nativeOf(as('planner'));
    await assert.rejects(jsm.consumers.info(STREAMS.work, 'executor'), /ermission/);
    // A push consumer of the executor's own evaluations, aimed at the journal, would make its words a rollout's.
    const forged = {
      name: 'executor',
      deliver_subject: subjects.journal(aggregates.rollouts('m')),
      filter_subject: subjects.workEvaluation,
    };
    await assert.rejects(nativeOf(as('executor')).jsm.consumers.add(STREAMS.work, forged), /ermission/);
  });

  it('only the coordinator leads and changes streams', async () => {
    const handle = holdLease(as('coordinator'), {
      name: 'leader',
      holder: 'c',
      ttlMs: 5000,
      onAcquired() {},
      onLost() {},
    });
    await until(() => handle.current, 'the lease');
    await handle.release();
    for (const user of ['planner', 'executor', 'gpu-runner', 'metrics', 'operator', 'publisher'] as const) {
      const native = nativeOf(as(user));
      await assert.rejects(
        kvPut(native, BUCKETS.leases, 'leader', new Uint8Array(), { deadlineMs: ANSWER_MS }),
        /ermission/,
      );
      await assert.rejects(native.jsm.streams.add({ name: 'X', subjects: ['x'] }), /ermission/);
      await assert.rejects(native.jsm.streams.update(STREAMS.journal, { max_msgs: 1 }), /ermission/);
    }
    await assert.rejects(nativeOf(as('coordinator')).jsm.streams.delete(STREAMS.journal), /ermission/);
  });

  it('how the gates stand reaches metrics and operators, from the coordinator only', async () => {
    const seen: string[] = [];
    const hearing = (['metrics', 'operator'] as const).map((user) =>
      as(user).subscribeCore(subjects.gatesAll, () => seen.push(user)),
    );
    await Promise.all([as('metrics').flush(), as('operator').flush()]);
    const denied: string[] = [];
    as('executor').onStatus((status) => denied.push(`${status.type} ${status.detail}`));
    as('executor').publishCore(subjects.gates('forged'), '{}');
    await until(
      () => denied.some((line) => line === `permission_denied publish ${subjects.gates('forged')}`),
      'the refusal',
    );
    as('coordinator').publishCore(subjects.gates('m'), '{}');
    await until(() => seen.length > 1, 'both hear it');
    for (const subscription of hearing) subscription.unsubscribe();
    assert.deepEqual(seen.sort(), ['metrics', 'operator']);
  });

  it('desired states reach runners, from the coordinator only', async () => {
    const seen: string[] = [];
    const subscription = as('gpu-runner').subscribeCore(subjects.desiredAll, (message) => seen.push(message.subject));
    await as('gpu-runner').flush();
    const denied: string[] = [];
    as('executor').onStatus((status) => denied.push(`${status.type} ${status.detail}`));
    as('executor').publishCore(subjects.desired('forged'), '{}');
    await until(
      () => denied.some((line) => line === `permission_denied publish ${subjects.desired('forged')}`),
      'the refusal',
    );
    as('coordinator').publishCore(subjects.desired('m'), '{}');
    await until(() => seen.length > 0, 'the desired state');
    subscription.unsubscribe();
    assert.deepEqual(seen, [subjects.desired('m')]);
  });

  it('the operator may watch the journal live with a plain subscription, the publisher may not', async () => {
    const seen: string[] = [];
    const denied: string[] = [];
    as('publisher').onStatus((status) => denied.push(status.detail));
    const watching = as('operator').subscribeCore(subjects.journalAll, (message) => seen.push(message.subject));
    const refused = as('publisher').subscribeCore(subjects.journalAll, () =>
      assert.fail('the publisher sees the journal'),
    );
    await as('operator').flush();
    await openJournal(as('coordinator'), { by: 'coordinator' }).append(aggregates.incident('watched'), 0, [
      testEvent('w'),
    ]);
    await until(() => seen.includes(subjects.journal(aggregates.incident('watched'))), 'the commit');
    await until(() => denied.some((line) => line.includes(subjects.journalAll)), 'the refusal');
    watching.unsubscribe();
    refused.unsubscribe();
  });

  it('telemetry and membership go to whoever needs them', async () => {
    await publishTelemetry(as('gpu-runner'), subjects.telemetry('m', '1.0'), { window: 1 });
    await assert.rejects(publishTelemetry(as('executor'), subjects.telemetry('m', '1.0'), {}), DENIED);
    const sinceIso = new Date(Date.now() - 60_000).toISOString();
    for (const user of ['coordinator', 'planner', 'executor', 'metrics', 'operator'] as const) {
      let windows = 0;
      const onError = (error: unknown): void => assert.fail(`${user}: ${String(error)}`);
      const follower = followTelemetry(as(user), {
        filter: subjects.telemetryAll,
        sinceIso,
        onMessage: () => void windows++,
        onQuarantined: ({ reason }) => assert.fail(reason),
        onError,
      });
      await until(() => windows === 1, 'the window');
      await follower.stop();
    }
    await openMembership(as('gpu-runner')).put('gpu-0', {});
    for (const user of ['coordinator', 'executor', 'metrics', 'operator', 'gpu-runner'] as const) {
      assert.equal((await openMembership(as(user)).all()).size, 1, user);
    }
    await assert.rejects(openMembership(as('metrics')).put('forged', {}), DENIED);
  });

  it('only the coordinator writes the snapshot that others start from', async () => {
    await openSnapshots(as('coordinator')).save('world', { seq: 1, foldVersion: 1, state: {} });
    for (const user of ['coordinator', 'planner', 'executor', 'metrics', 'operator'] as const)
      assert.equal((await openSnapshots(as(user)).load('world'))?.seq, 1, user);
    for (const user of ['planner', 'executor', 'gpu-runner', 'metrics', 'operator', 'publisher'] as const) {
      const forged = { seq: 1, foldVersion: 1, state: { forged: true } };
      await assert.rejects(openSnapshots(as(user)).save('world', forged), DENIED, user);
      const put = (key: string) =>
        kvPut(nativeOf(as(user)), BUCKETS.snapshots, key, new Uint8Array(), { deadlineMs: ANSWER_MS });
      await assert.rejects(put('world'), /ermission/, user);
      await assert.rejects(put('world.part'), /ermission/, user);
    }
    for (const user of ['gpu-runner', 'publisher'] as const)
      await assert.rejects(openSnapshots(as(user)).load('world'), DENIED, user);
  });

  it('a worker counts what it handed back, of its own work only', async () => {
    for (const [user, name, subject, filter] of [
      ['planner', 'planner', subjects.workMeeting, subjects.workMeeting],
      ['executor', 'executor', subjects.workAction('x'), subjects.workActionAll],
      ['executor', ROLLBACK_CONSUMER, subjects.workRollback('x'), subjects.workRollbackAll],
      ['gpu-runner', 'gpu-runner', subjects.workEvaluation, subjects.workEvaluation],
    ] as const) {
      const publisher = user === 'gpu-runner' ? 'executor' : 'coordinator';
      await openWorkQueue(as(publisher)).publish(subject, {}, { msgId: `back-${name}` });
      let deliveries = 0;
      const consumer = openWorkQueue(as(user)).consume({
        name,
        filter,
        concurrency: 1,
        maxDeliver: 1,
        backoffMs: 1,
        handler: async () => {
          if (++deliveries < 3) throw new ConclaveError('CVE_CANCELLED', 'not now');
        },
      });
      await until(() => deliveries === 3, `${name} gets it again`);
      await consumer.stop();
      const other = openHandbacks(nativeOf(as(user)), STREAMS.work, user === 'planner' ? 'executor' : 'planner');
      await assert.rejects(other.record(1, 99), /ermission/, user);
    }
  });

  it('artifacts are pushed by operators and executors, fetched by runners', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'conclave-test-'));
    try {
      await writeFile(join(dir, 'model.onnx'), 'weights');
      const { digest } = await openArtifacts(as('operator')).pushDirectory(dir, 'model');
      await openArtifacts(as('gpu-runner')).fetchDirectory(digest, join(dir, 'cache'));
      const output = await openArtifacts(as('executor')).putBytes(Buffer.from('long output'));
      assert.equal(Buffer.from(await openArtifacts(as('metrics')).getBytes(output)).toString(), 'long output');
      await assert.rejects(openArtifacts(as('gpu-runner')).putBytes(Buffer.from('x')), DENIED);
      await assert.rejects(openArtifacts(as('planner')).getBytes(output), DENIED);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });

  it('requests reach their services', async () => {
    const coordinator = serveApi(as('coordinator'), { name: 'conclave', version: '0.1.0', description: 'test' });
    coordinator.endpoint('status', subjects.api('status'), async () => 'leader');
    const runner = serveApi(as('gpu-runner'), { name: 'inference', version: '0.1.0', description: 'test' });
    runner.endpoint('infer', subjects.infer('m'), async () => 'scores');
    runner.endpoint('rollback', subjects.runnerRollbackTest('gpu-0'), async () => 'passed');
    await Promise.all([coordinator.ready(), runner.ready()]);
    const ask = async (user: NatsUser, subject: string): Promise<unknown> =>
      (await as(user).request(subject, {}, { timeoutMs: ANSWER_MS })).json();
    for (const user of ['executor', 'operator', 'planner'] as const)
      assert.equal(await ask(user, subjects.api('status')), 'leader');
    for (const user of ['executor', 'operator', 'publisher'] as const)
      assert.equal(await ask(user, subjects.infer('m')), 'scores');
    assert.equal(await ask('executor', subjects.runnerRollbackTest('gpu-0')), 'passed');
    await assert.rejects(ask('publisher', subjects.api('status')), DENIED);
    for (const user of ['gpu-runner', 'metrics'] as const)
      await assert.rejects(ask(user, subjects.api('status')), DENIED);
    await assert.rejects(ask('planner', subjects.api('abort')), DENIED);
    await Promise.all([coordinator.stop(), runner.stop()]);
  });

  it('documents are submitted and dead letters written by those who may', async () => {
    for (const user of ['publisher', 'operator', 'coordinator'] as const) {
      for (const subject of [subjects.handoff, subjects.incident, subjects.insight])
        await publishInbox(as(user), subject, { user });
    }
    await publishInbox(as('planner'), subjects.handoff, {});
    await publishInbox(as('executor'), subjects.incident, {});
    await assert.rejects(publishInbox(as('metrics'), subjects.handoff, {}), DENIED);
    for (const user of ['coordinator', 'planner', 'executor', 'gpu-runner'] as const) {
      await deadLetter(as(user), {
        subject: subjects.handoff,
        bytes: Buffer.from(user),
        reason: new Error('test'),
        by: user,
      });
    }
    assert.equal((await listDeadLetters(as('operator'), { limit: 10 })).length, 4);
    assert.equal((await listDeadLetters(as('metrics'), { limit: 2 })).length, 2);
    await assert.rejects(listDeadLetters(as('publisher'), { limit: 1 }), DENIED);
  });

  it('a key that nobody knows is refused at once', async () => {
    const { seed } = createNkey();
    await assert.rejects(
      connectBus({ servers: test.nats.url, name: 'nobody', nkeySeed: seed, user: 'planner' }),
      /CVE_UNAUTHORIZED: nats.* refuses user planner/,
    );
  });
});
