import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { ConclaveError, STREAMS, subjects } from '@conclave/contracts';
import { headers as makeHeaders } from 'nats';
import { listDeadLetters } from './dead-letters.ts';
import { nativeOf, registerNative } from './native.ts';
import type { Bus } from './ports/connection.ts';
import type { Job } from './ports/work.ts';
import { publishInbox } from './telemetry.ts';
import { startTestBus, type TestBus, until } from './testing/index.ts';
import { openWorkQueue } from './work-queue.ts';

const inWork = async (test: TestBus): Promise<number> =>
  (await nativeOf(test.bus).jsm.streams.info(STREAMS.work)).state.messages;

/** The same connection, on which messages are looked up only after `before`. */
function lookingUp(bus: Bus, before: Promise<void>): Bus {
  const native = nativeOf(bus);
  const getMessage: typeof native.jsm.streams.getMessage = async (...query) => {
    await before;
    return await native.jsm.streams.getMessage(...query);
  };
  const streams = Object.create(native.jsm.streams, { getMessage: { value: getMessage } });
  const slow: Bus = Object.create(bus);
  registerNative(slow, { ...native, jsm: Object.create(native.jsm, { streams: { value: streams } }) });
  return slow;
}

describe('work queue', () => {
  let test: TestBus;
  before(async () => {
    test = await startTestBus();
  });
  after(async () => {
    await test[Symbol.asyncDispose]();
  });

  it('stores a message id once', async () => {
    const queue = openWorkQueue(test.bus);
    assert.equal((await queue.publish(subjects.workEvaluation, { n: 1 }, { msgId: 'once' })).duplicate, false);
    assert.equal((await queue.publish(subjects.workEvaluation, { n: 1 }, { msgId: 'once' })).duplicate, true);
    const seen: unknown[] = [];
    const consumer = queue.consume({
      name: 'once',
      filter: subjects.workEvaluation,
      concurrency: 1,
      handler: async (job) => void seen.push(job.json(), job.headers('nats-msg-id')),
    });
    await until(async () => (await inWork(test)) === 0, 'it is worked off');
    await consumer.stop();
    assert.deepEqual(seen, [{ n: 1 }, 'once']);
  });

  it('refuses messages over 64 KB', async () => {
    const queue = openWorkQueue(test.bus);
    await assert.rejects(
      queue.publish(subjects.workEvaluation, 'x'.repeat(65 * 1024), { msgId: 'big' }),
      /CVE_MESSAGE_TOO_LARGE/,
    );
  });

  it('shares work among consumers and runs at most `concurrency` handlers at once', async () => {
    const queue = openWorkQueue(test.bus);
    const subject = subjects.workAction('share');
    const done: number[] = [];
    let running = 0;
    let most = 0;
    const handler = async (job: Job): Promise<void> => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      done.push(job.seq);
    };
    const consumers = [1, 2].map(() => queue.consume({ name: 'share', filter: subject, concurrency: 2, handler }));
    await Promise.all(Array.from({ length: 40 }, (_, n) => queue.publish(subject, { n }, { msgId: `share-${n}` })));
    await until(() => done.length >= 40, 'all handled');
    await Promise.all(consumers.map((consumer) => consumer.stop()));
    assert.equal(new Set(done).size, 40);
    assert.equal(done.length, 40);
    assert.ok(most <= 4);
  });

  it('delivers again after a failure, then acknowledges', async () => {
    const queue = openWorkQueue(test.bus);
    const subject = subjects.workAction('again');
    const deliveries: number[] = [];
    const consumer = queue.consume({
      name: 'again',
      filter: subject,
      concurrency: 1,
      backoffMs: 5,
      handler: async (job) => {
        deliveries.push(job.deliveryCount);
        if (job.deliveryCount < 3) throw new Error('not yet');
      },
    });
    await queue.publish(subject, {}, { msgId: 'again' });
    await until(async () => deliveries.length === 3 && (await inWork(test)) === 0, 'it succeeds');
    await consumer.stop();
    assert.deepEqual(deliveries, [1, 2, 3]);
  });

  it('keeps a handler alive that takes longer than the ack wait', async () => {
    const queue = openWorkQueue(test.bus);
    const subject = subjects.workAction('slow');
    const ackWaitMs = 600;
    const work = Promise.withResolvers<void>();
    let deliveredAt = Number.POSITIVE_INFINITY;
    const consumer = queue.consume({
      name: 'slow',
      filter: subject,
      concurrency: 40,
      ackWaitMs,
      maxDeliver: 1000,
      handler: async () => {
        deliveredAt = performance.now();
        await work.promise;
      },
    });
    await queue.publish(subject, {}, { msgId: 'slow' });
    // A machine that stands still may cause another delivery; a consumer that gives no signs of life causes one after each ack wait.
    await until(() => performance.now() - deliveredAt > 3 * ackWaitMs, 'it is left alone for three ack waits');
    work.resolve();
    await until(async () => consumer.running === 0 && (await inWork(test)) === 0, 'it is done');
    await consumer.stop();
  });

  it('is heard of while its only handler runs, for as long as the server is', async () => {
    const queue = openWorkQueue(test.bus);
    const subject = subjects.workAction('busy');
    const work = Promise.withResolvers<void>();
    const consumer = queue.consume({
      name: 'busy',
      filter: subject,
      concurrency: 1,
      ackWaitMs: 1500,
      handler: () => work.promise,
    });
    const silentMs = (): number => performance.now() - consumer.lastActivityAt;
    try {
      await queue.publish(subject, {}, { msgId: 'busy' });
      await until(() => consumer.running === 1, 'it runs');
      const startedAt = performance.now();
      await until(() => consumer.lastActivityAt > startedAt + 1000, 'a sign of life from a running handler');
      test.nats.signal('SIGSTOP');
      await until(() => silentMs() > 1200, 'silence while the server stands still');
      test.nats.signal('SIGCONT');
      await until(() => silentMs() < 500, 'a sign of life again');
    } finally {
      test.nats.signal('SIGCONT');
      work.resolve();
      await consumer.stop();
    }
  });

  it('gives up a terminal error at once, with the original bytes', async () => {
    const queue = openWorkQueue(test.bus);
    const subject = subjects.workAction('terminal');
    const dead: string[] = [];
    const consumer = queue.consume({
      name: 'terminal',
      filter: subject,
      concurrency: 1,
      by: 'executor-7',
      handler: async () => {
        throw new ConclaveError('CVE_TOOL_INVALID_ARGS', 'no such thing');
      },
      onDead: async (job, reason) => void dead.push(`${job.deliveryCount} ${reason.message}`),
    });
    await nativeOf(test.bus).js.publish(subject, '{"odd":  "spacing"} ');
    await until(async () => (await inWork(test)) === 0, 'it is given up');
    await consumer.stop();
    assert.deepEqual(dead, ['1 CVE_TOOL_INVALID_ARGS: no such thing']);
    const [letter] = await listDeadLetters(test.bus, { limit: 1 });
    assert.equal(letter?.originalSubject, subject);
    assert.equal(letter?.code, 'CVE_TOOL_INVALID_ARGS');
    assert.equal(letter?.by, 'executor-7');
    assert.equal(Buffer.from(letter?.bytes ?? []).toString(), '{"odd":  "spacing"} ');
  });

  it('gives up after the last delivery, with one dead letter even when onDead fails first', async () => {
    const queue = openWorkQueue(test.bus);
    const subject = subjects.workAction('count');
    let handled = 0;
    let told = 0;
    const consumer = queue.consume({
      name: 'count',
      filter: subject,
      concurrency: 1,
      backoffMs: 5,
      maxDeliver: 2,
      handler: async () => {
        handled++;
        throw new Error('always');
      },
      onDead: async () => {
        if (++told === 1) throw new Error('the journal is away');
      },
    });
    await queue.publish(subject, { n: 1 }, { msgId: 'count' });
    await until(async () => (await inWork(test)) === 0, 'it is given up');
    await consumer.stop();
    assert.equal(handled, 2);
    assert.equal(told, 2);
    const letters = (await listDeadLetters(test.bus, { limit: 100 })).filter(
      (letter) => letter.originalSubject === subject,
    );
    assert.equal(letters.length, 1);
    assert.equal(letters[0]?.reason, 'always');
  });

  it('makes a missing durable again and goes on', async () => {
    const queue = openWorkQueue(test.bus);
    const subject = subjects.workAction('durable');
    // The first may come again: its acknowledgement can meet the durable that is being deleted.
    const handled = new Set<unknown>();
    const consumer = queue.consume({
      name: 'durable',
      filter: subject,
      concurrency: 1,
      handler: async (job) => void handled.add(job.json()),
    });
    await queue.publish(subject, 1, { msgId: 'durable-1' });
    await until(() => handled.has(1), 'the first');
    await nativeOf(test.bus).jsm.consumers.delete(STREAMS.work, 'durable');
    await queue.publish(subject, 2, { msgId: 'durable-2' });
    await until(() => handled.has(2), 'the second');
    await consumer.stop();
  });

  it('waits for running handlers when it stops, and tells them', async () => {
    const queue = openWorkQueue(test.bus);
    const subject = subjects.workAction('stop');
    let ended = '';
    const consumer = queue.consume({
      name: 'stop',
      filter: subject,
      concurrency: 1,
      handler: async (job) => {
        await new Promise<void>((resolve) => job.signal.addEventListener('abort', () => resolve(), { once: true }));
        ended = 'handed back';
        throw new ConclaveError('CVE_CANCELLED', 'stopping');
      },
    });
    await queue.publish(subject, {}, { msgId: 'stop' });
    await until(() => consumer.running === 1, 'it runs');
    await consumer.stop({ graceMs: 10 });
    assert.equal(ended, 'handed back');
    let deliveries = 0;
    const next = queue.consume({
      name: 'stop',
      filter: subject,
      concurrency: 1,
      handler: async (job) => {
        deliveries = job.deliveryCount;
      },
    });
    await until(() => deliveries === 2, 'another takes it');
    await next.stop();
  });

  it('starts no handler when there is no time left to tell it to stop', async () => {
    const subject = subjects.workAction('late');
    const lookup = Promise.withResolvers<void>();
    let started = 0;
    const take = (bus: Bus, handler: (job: Job) => Promise<void>) =>
      openWorkQueue(bus).consume({
        name: 'late',
        filter: subject,
        concurrency: 1,
        backoffMs: 5,
        maxDeliver: 1,
        handler,
      });
    await openWorkQueue(test.bus).publish(subject, {}, { msgId: 'late' });
    const first = take(test.bus, async (job) => {
      await once(job.signal, 'abort');
      throw new ConclaveError('CVE_CANCELLED', 'stopping');
    });
    await until(() => first.running === 1, 'it runs');
    await first.stop({ graceMs: 0 });
    const second = take(lookingUp(test.bus, lookup.promise), async () => void started++);
    await until(() => second.running === 1, 'it is looked up how often it was handed back');
    const stopping = second.stop({ graceMs: 0 });
    // Behind the timer that `stop` has set.
    await new Promise((resolve) => setTimeout(resolve, 0));
    lookup.resolve();
    await stopping;
    assert.equal(started, 0);
    const third = take(test.bus, async () => void started++);
    await until(async () => (await inWork(test)) === 0, 'it is done');
    await third.stop();
    assert.equal(started, 1);
  });

  it('hands work back however often it is stopped, and counts only what failed', async () => {
    const queue = openWorkQueue(test.bus);
    const subject = subjects.workAction('long');
    const take = (handler: (job: Job) => Promise<void>) =>
      queue.consume({ name: 'long', filter: subject, concurrency: 1, backoffMs: 5, maxDeliver: 2, handler });
    await queue.publish(subject, {}, { msgId: 'long' });
    for (let stops = 0; stops < 4; stops++) {
      const consumer = take(async (job) => {
        await new Promise<void>((resolve) => job.signal.addEventListener('abort', () => resolve(), { once: true }));
        throw new ConclaveError('CVE_CANCELLED', 'stopping');
      });
      await until(() => consumer.running === 1, `it runs, after ${stops} stops`);
      await consumer.stop({ graceMs: 0 });
    }
    const failedAt: number[] = [];
    const consumer = take(async (job) => {
      failedAt.push(job.deliveryCount);
      throw new Error('really failed');
    });
    await until(async () => (await inWork(test)) === 0, 'it is given up');
    await consumer.stop();
    assert.deepEqual(failedAt, [5, 6]);
  });

  it('counts a handler that never came back as an attempt', async () => {
    const subject = subjects.workAction('crash');
    const queue = openWorkQueue(test.bus);
    await queue.publish(subject, {}, { msgId: 'crashing' });
    const options = { name: 'crash', filter: subject, concurrency: 1, ackWaitMs: 500, maxDeliver: 2 };
    const never = Promise.withResolvers<void>();
    for (let crashes = 0; crashes < 2; crashes++) {
      const bus = await test.connect();
      const doomed = openWorkQueue(bus).consume({ ...options, handler: () => never.promise });
      await until(() => doomed.running === 1, 'it runs');
      await nativeOf(bus).nc.close();
    }
    const dead: string[] = [];
    const consumer = queue.consume({
      ...options,
      handler: () => assert.fail('it may not run a third time'),
      onDead: async (_job, reason) => void dead.push(reason.message),
    });
    await until(async () => (await inWork(test)) === 0, 'it is given up');
    await consumer.stop();
    never.resolve();
    assert.match(dead.join(), /was delivered 3 times and never finished \(limit 2\)/);
  });

  it('consumes the inbox too, where documents stay', async () => {
    const seen: unknown[] = [];
    const consumer = openWorkQueue(test.bus).consume({
      stream: 'inbox',
      name: 'coordinator',
      filter: [subjects.handoff, subjects.incident],
      concurrency: 1,
      handler: async (job) => void seen.push(job.json()),
    });
    await publishInbox(test.bus, subjects.handoff, { meeting_id: 'm' }, { msgId: 'm' });
    test.bus.publishCore(subjects.incident, '{"plain":true}');
    await until(() => seen.length === 2, 'both');
    await consumer.stop();
    assert.deepEqual(seen, [{ meeting_id: 'm' }, { plain: true }]);
    assert.equal((await nativeOf(test.bus).jsm.streams.info(STREAMS.inbox)).state.messages, 2);
  });
});

describe('a message too large to be taken in', () => {
  const consumeRefusing = (test: TestBus) =>
    openWorkQueue(test.bus).consume({
      stream: 'inbox',
      name: 'coordinator',
      filter: subjects.handoff,
      concurrency: 1,
      handler: async () => {
        throw new ConclaveError('CVE_MESSAGE_TOO_LARGE', 'over 64 KB');
      },
    });
  const letters = async (test: TestBus) => await listDeadLetters(test.bus, { limit: 10 });

  it('becomes a dead letter with all its bytes', async () => {
    await using test = await startTestBus();
    const { js } = nativeOf(test.bus);
    const bytes = Buffer.alloc(192 * 1024, 'ü');
    const headers = makeHeaders();
    headers.set('ce-id', 'x'.repeat(63 * 1024));
    await js.publish(subjects.handoff, bytes, { headers });
    const consumer = consumeRefusing(test);
    await until(async () => (await letters(test)).length > 0, 'the dead letter');
    await consumer.stop();
    assert.deepEqual(
      (await letters(test)).map((letter) => bytes.equals(letter.bytes)),
      [true],
    );
  });

  it('is given up too when it is as large as the server goes; its letter then says where the whole of it is', async () => {
    await using test = await startTestBus();
    const { js } = nativeOf(test.bus);
    const headers = makeHeaders();
    headers.set('ce-id', 'x'.repeat(60 * 1024));
    await js.publish(subjects.handoff, Buffer.alloc(1024 * 1024 - 100, 'a'));
    await js.publish(subjects.handoff, Buffer.alloc(963 * 1024, 'b'), { headers });
    const consumer = consumeRefusing(test);
    await until(async () => (await letters(test)).length === 2, 'both dead letters');
    await consumer.stop();
    const [second, first] = await letters(test);
    assert.equal(second?.bytes.length, 963 * 1024);
    assert.ok(first !== undefined && first.bytes.length > 1000 * 1024);
    assert.equal(first.headers['Conclave-Original-Bytes'], String(1024 * 1024 - 100));
    assert.equal(first.headers['Conclave-Original-Message'], `${STREAMS.inbox}.1`);
  });
});

it('a work queue survives a crash of the server: every message is handled', async () => {
  await using test = await startTestBus();
  const queue = openWorkQueue(test.bus);
  const subject = subjects.workAction('crash');
  const handled = new Set<unknown>();
  const consumer = openWorkQueue(await test.connect()).consume({
    name: 'crash',
    filter: subject,
    concurrency: 2,
    ackWaitMs: 1000,
    handler: async (job) => void handled.add(job.json()),
  });
  for (let n = 0; n < 60; n++) {
    if (n === 20 || n === 40) {
      await test.nats.kill();
      const restarting = test.nats.restart();
      await queue.publish(subject, n, { msgId: `crash-${n}` });
      await restarting;
    } else await queue.publish(subject, n, { msgId: `crash-${n}` });
  }
  await until(() => handled.size === 60, 'all handled', 30_000);
  await consumer.stop();
});
