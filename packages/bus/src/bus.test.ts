import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { aggregates, BUCKETS, ConclaveError, isConclaveError, STREAMS, sha256, subjects } from '@conclave/contracts';
import { RequestStrategy } from 'nats';
import { serveApi } from './api-service.ts';
import { connectBus } from './connection.ts';
import { deadLetter, listDeadLetters } from './dead-letters.ts';
import { openJournal } from './journal.ts';
import { kvGet, kvPut, kvSubject } from './kv.ts';
import { nativeOf } from './native.ts';
import { SIGNATURE_HEADER } from './signing/signature.ts';
import { sealValue } from './signing/value-seal.ts';
import { openSnapshots } from './snapshots.ts';
import { followTelemetry, publishTelemetry } from './telemetry.ts';
import { freePort, startNats, startTestBus, type TestBus, until } from './testing/index.ts';
import { testEvent } from './testing/test-event.ts';
import { ensureTopology, waitForTopology } from './topology.ts';

/** Longest wait for an answer that comes, and for one that does not. */
const ANSWER_MS = 20_000;
const NO_ANSWER_MS = 1000;

describe('bus', () => {
  let test: TestBus;
  before(async () => {
    test = await startTestBus();
  });
  after(async () => {
    await test[Symbol.asyncDispose]();
  });

  it('topology is idempotent, and takes changes', async () => {
    await ensureTopology(test.bus, { replicas: 1 });
    await ensureTopology(test.bus, { replicas: 1, journalMaxBytes: 1024 ** 3 });
    const { config } = await nativeOf(test.bus).jsm.streams.info(STREAMS.journal);
    assert.equal(config.max_bytes, 1024 ** 3);
    assert.deepEqual([config.deny_delete, config.deny_purge, config.discard, config.max_age], [true, true, 'new', 0]);
    await waitForTopology(test.bus);
  });

  it('a stream that cannot be made as asked is refused by name', async () => {
    const nats = await startNats();
    const bus = await connectBus({ servers: nats.url, name: 'test' });
    try {
      await nativeOf(bus).jsm.streams.add({ name: 'FOREIGN', subjects: ['conclave.journal.>'] });
      await assert.rejects(ensureTopology(bus, { replicas: 1 }), /create stream CONCLAVE_JOURNAL.*overlap/);
      await assert.rejects(
        waitForTopology(bus, { deadlineMs: 300 }),
        /CVE_BUS_UNAVAILABLE.*CONCLAVE_JOURNAL.*coordinator/,
      );
    } finally {
      await bus.drain();
      await nats.stop();
    }
  });

  it('waits for a server that is not there yet', async () => {
    const nats = await startNats();
    try {
      await nats.kill();
      const connecting = connectBus({ servers: nats.url, name: 'patient' });
      const [bus] = await Promise.all([connecting, nats.restart()]);
      assert.equal(bus.connected, true);
      await bus.drain();
    } finally {
      await nats.stop();
    }
  });

  it('takes whichever of its servers is there', async () => {
    const nobodyThere = `nats://127.0.0.1:${await freePort()}`;
    const bus = await connectBus({ servers: `${nobodyThere}, ${test.nats.url}`, name: 'flexible' });
    await bus.drain();
  });

  it('a service error comes back with its own code and without doubling it', async () => {
    const api = serveApi(test.bus, { name: 'conclave', version: '0.1.0', description: 'test' });
    api.endpoint('echo', 'conclave.api.echo', async (request) => ({
      body: request.body,
      token: request.header('conclave-token'),
    }));
    api.endpoint('fail', 'conclave.api.fail', async () => {
      throw new ConclaveError('CVE_INFER_OVERLOADED', 'wait a little', { retryAfterMs: 250 });
    });
    api.endpoint('broken', 'conclave.api.broken', async () => {
      throw new Error('secret detail');
    });
    await api.ready();
    const client = await test.connect();
    const reply = await client.request(
      'conclave.api.echo',
      { a: 'ü' },
      { timeoutMs: ANSWER_MS, headers: { 'Conclave-Token': 't' } },
    );
    assert.deepEqual(reply.json(), { body: { a: 'ü' }, token: 't' });
    await assert.rejects(client.request('conclave.api.fail', {}, { timeoutMs: ANSWER_MS }), (error: unknown) => {
      assert.ok(isConclaveError(error, 'CVE_INFER_OVERLOADED'));
      assert.equal(error.message, 'CVE_INFER_OVERLOADED: wait a little');
      assert.equal(error.retryAfterMs, 250);
      return true;
    });
    await assert.rejects(client.request('conclave.api.broken', {}, { timeoutMs: ANSWER_MS }), (error: unknown) => {
      assert.ok(isConclaveError(error) && !error.message.includes('secret'));
      return true;
    });
    await assert.rejects(
      client.request('conclave.api.echo', 'x'.repeat(65 * 1024), { timeoutMs: ANSWER_MS }),
      /CVE_MESSAGE_TOO_LARGE/,
    );
    await assert.rejects(
      client.request('conclave.api.nobody', {}, { timeoutMs: NO_ANSWER_MS }),
      /CVE_REQUEST_UNANSWERED: nobody served/,
    );
    await api.stop();
  });

  it('endpoints come and go one by one, without a gap for the others', async () => {
    const api = serveApi(test.bus, { name: 'leader', version: '0.1.0', description: 'test' });
    const client = await test.connect();
    const ask = async (verb: string, timeoutMs = ANSWER_MS): Promise<unknown> =>
      (await client.request(`conclave.api.${verb}`, undefined, { timeoutMs })).json();
    // Past the bus, which asks again while nobody serves.
    const askOnce = async () =>
      (await nativeOf(client).nc.request('conclave.api.stay', '', { timeout: ANSWER_MS })).json();
    api.endpoint('stay', 'conclave.api.stay', async () => 'here');
    const leaving = ['x', 'y', 'z'].map((verb) => api.endpoint(verb, `conclave.api.${verb}`, async () => verb));
    await api.ready();
    assert.deepEqual(await Promise.all(['stay', 'x', 'y', 'z'].map((verb) => ask(verb))), ['here', 'x', 'y', 'z']);
    let asking = true;
    const continuous = Array.from({ length: 8 }, async () => {
      let answers = 0;
      for (; asking; answers++) assert.equal(await askOnce(), 'here');
      return answers;
    });
    for (let guest = 0; guest < 10; guest++) {
      const coming = api.endpoint('guest', 'conclave.api.guest', async () => guest);
      await api.ready();
      assert.equal(await ask('guest'), guest);
      await coming.stop();
    }
    await Promise.all(leaving.map((endpoint) => endpoint.stop()));
    asking = false;
    for (const answers of await Promise.all(continuous)) assert.ok(answers > 0);
    for (const verb of ['x', 'y', 'z', 'guest'])
      await assert.rejects(ask(verb, NO_ANSWER_MS), /CVE_REQUEST_UNANSWERED/);
    const names: string[] = [];
    const pinging = nativeOf(client).nc.services.client({ strategy: RequestStrategy.JitterTimer, maxWait: ANSWER_MS });
    for await (const found of await pinging.ping()) names.push(found.name);
    assert.deepEqual(names, ['leader']);
    await api.stop();
  });

  it('an instance with a queue of its own hears every request, and the first answer counts', async () => {
    const heard = { mute: 0, 'ready.0': 0 };
    const serve = (instance: keyof typeof heard, answer: Promise<string>) => {
      const api = serveApi(test.bus, { name: 'replica', version: '0.1.0', description: 'test', queue: instance });
      api.endpoint('stop', 'conclave.api.stop', () => {
        heard[instance]++;
        return answer;
      });
      return api;
    };
    const silence = Promise.withResolvers<string>();
    const apis = [serve('mute', silence.promise), serve('ready.0', Promise.resolve('done'))];
    for (const api of apis) await api.ready();
    const client = await test.connect();
    for (let n = 0; n < 10; n++)
      assert.equal((await client.request('conclave.api.stop', {}, { timeoutMs: ANSWER_MS })).json(), 'done');
    await until(() => heard.mute === 10, 'the mute one heard all');
    assert.equal(heard['ready.0'], 10);
    silence.resolve('late');
    for (const api of apis) await api.stop();
  });

  it('an endpoint that cannot be served says so, and the next ones are served all the same', async () => {
    const api = serveApi(test.bus, { name: 'partly', version: '0.1.0', description: 'test' });
    const client = await test.connect();
    const ask = async (verb: string, timeoutMs = ANSWER_MS): Promise<unknown> =>
      (await client.request(`conclave.api.${verb}`, undefined, { timeoutMs })).json();
    api.endpoint('before', 'conclave.api.before', async () => 'before');
    await api.ready();
    const broken = api.endpoint('broken', 'conclave.api.with a space', async () => 'never');
    await assert.rejects(api.ready(), /cannot contain spaces/);
    assert.equal(await ask('before'), 'before');
    api.endpoint('after', 'conclave.api.after', async () => 'after');
    await broken.stop();
    assert.deepEqual(await Promise.all(['before', 'after'].map((verb) => ask(verb))), ['before', 'after']);
    await api.stop();
    await assert.rejects(ask('before', NO_ANSWER_MS), /CVE_REQUEST_UNANSWERED/);
  });

  describe('snapshots', () => {
    const snapshot = { seq: 1, foldVersion: 3, state: { models: ['ü'.repeat(1000)] } };
    before(async () => {
      await openJournal(test.bus, { by: 'test' }).append(aggregates.schedule, 'any', [testEvent('first')]);
    });
    const put = (key: string, value: Uint8Array) =>
      kvPut(nativeOf(test.bus), BUCKETS.snapshots, key, value, { deadlineMs: ANSWER_MS });
    const putSigned = async (key: string, body: unknown) => {
      const native = nativeOf(test.bus);
      const value = Buffer.from(JSON.stringify(body));
      const signature = sealValue(native.signer, 'coordinator', 'snapshot', kvSubject(BUCKETS.snapshots, key), value);
      const headers = { [SIGNATURE_HEADER]: signature };
      await kvPut(native, BUCKETS.snapshots, key, value, { headers, deadlineMs: ANSWER_MS });
    };
    const head = async () => {
      const entry = await kvGet(nativeOf(test.bus), BUCKETS.snapshots, 'fold');
      return JSON.parse(Buffer.from(entry?.value ?? []).toString());
    };

    it('come back; a corrupt or newer one is ignored', async () => {
      const snapshots = openSnapshots(test.bus);
      assert.equal(await snapshots.load('fold'), undefined);
      await snapshots.save('fold', snapshot);
      assert.deepEqual(await snapshots.load('fold'), snapshot);
      const stored = await head();
      for (const broken of ['garbage', { ...stored, format: 99 }, { ...stored, digest: sha256('other') }]) {
        await putSigned('fold', broken);
        assert.equal(await snapshots.load('fold'), undefined);
      }
      await put('fold', Buffer.from(JSON.stringify(stored)));
      assert.equal(await snapshots.load('fold'), undefined, 'nobody signed it');
      await putSigned('fold', stored);
      assert.deepEqual(await snapshots.load('fold'), snapshot);
    });

    it('may be larger than a message, again and again, and stay readable while a next one is not whole', async () => {
      const snapshots = openSnapshots(test.bus);
      const large = { ...snapshot, state: { text: randomBytes(3_000_000).toString('base64') } };
      const leaveParts = async (): Promise<void> => {
        for (let part = 0; part < 32; part++) await put('fold.part', randomBytes(100));
      };
      await leaveParts();
      for (let saves = 0; saves < 2; saves++) await snapshots.save('fold', large);
      await leaveParts();
      assert.deepEqual(await snapshots.load('fold'), large);
      await snapshots.save('fold', snapshot);
      assert.deepEqual(await snapshots.load('fold'), snapshot);
      await assert.rejects(
        snapshots.save('fold', { ...snapshot, state: randomBytes(17_000_000).toString('base64') }),
        /CVE_MESSAGE_TOO_LARGE/,
      );
    });

    it('ahead of the journal belong to another one and are ignored', async () => {
      const snapshots = openSnapshots(test.bus);
      const end = await openJournal(test.bus, { by: 'test' }).lastSeq();
      await snapshots.save('fold', { ...snapshot, seq: end + 1 });
      assert.equal(await snapshots.load('fold'), undefined);
      await snapshots.save('fold', { ...snapshot, seq: end });
      assert.equal((await snapshots.load('fold'))?.seq, end);
    });
  });

  it('telemetry is followed from a time on, past what is broken', async () => {
    const subject = subjects.telemetry('m', '1.0');
    await publishTelemetry(test.bus, subject, { n: 1 });
    await nativeOf(test.bus).js.publish(subject, 'broken');
    await publishTelemetry(test.bus, subject, { n: 2 });
    const seen: unknown[] = [];
    const quarantined: string[] = [];
    const follow = (sinceIso: string) =>
      followTelemetry(test.bus, {
        filter: subject,
        sinceIso,
        onMessage: (json, at) => void seen.push(json, at.subject),
        onQuarantined: ({ seq, reason }) => void quarantined.push(`${seq} ${reason}`),
        onError: (e) => assert.fail(String(e)),
      });
    const follower = follow(new Date(Date.now() - 60_000).toISOString());
    await until(() => follower.caughtUp, 'caught up');
    assert.deepEqual(seen, [{ n: 1 }, subject, { n: 2 }, subject]);
    assert.deepEqual(quarantined, ['2 it is not signed']);
    await follower.stop();
    const later = follow(new Date(Date.now() + 60_000).toISOString());
    await until(() => later.caughtUp, 'nothing to catch up with');
    await later.stop();
    assert.equal(seen.length, 4);
    await assert.rejects(publishTelemetry(test.bus, subject, 'x'.repeat(65 * 1024)), /CVE_MESSAGE_TOO_LARGE/);
  });

  it('a window is stored once for all attempts with one id, and also when somebody used its id first', async () => {
    const subject = subjects.telemetry('once', '1.0');
    const stored = async () => (await native.jsm.streams.info(STREAMS.telemetry, { subjects_filter: subject })).state;
    const native = nativeOf(test.bus);
    const msgId = randomUUID();
    for (let attempt = 0; attempt < 3; attempt++) await publishTelemetry(test.bus, subject, { n: 1 }, { msgId });
    assert.equal((await stored()).subjects?.[subject], 1);
    const taken = randomUUID();
    await native.js.publish(subject, 'not it', { msgID: taken });
    await publishTelemetry(test.bus, subject, { n: 2 }, { msgId: taken });
    assert.equal((await stored()).subjects?.[subject], 3);
    const last = await native.jsm.streams.getMessage(STREAMS.telemetry, { last_by_subj: subject });
    assert.deepEqual(last.json(), { n: 2 });
  });

  it('a dead letter keeps bytes and headers, once, newest first', async () => {
    const bytes = Uint8Array.from([0, 255, 1]);
    const refused = {
      subject: subjects.handoff,
      bytes,
      headers: { 'ce-id': 'x', 'Nats-Msg-Id': 'original' },
      by: 'c-0',
    };
    const reason = new ConclaveError('CVE_HANDOFF_INVALID', 'line one\nline two');
    await deadLetter(test.bus, { ...refused, reason });
    await deadLetter(test.bus, { ...refused, reason });
    await deadLetter(test.bus, { ...refused, reason: new Error('other'), key: 'INBOX.2' });
    const letters = await listDeadLetters(test.bus, { limit: 10 });
    assert.deepEqual(
      letters.map((letter) => letter.code),
      ['Error', 'CVE_HANDOFF_INVALID'],
    );
    assert.deepEqual(Uint8Array.from(letters[1]?.bytes ?? []), bytes);
    assert.equal(letters[1]?.reason, 'CVE_HANDOFF_INVALID: line one line two');
    assert.equal(letters[1]?.headers['ce-id'], 'x');
    assert.equal(letters[1]?.headers['Conclave-Original-Msg-Id'], 'original');
    assert.equal((await listDeadLetters(test.bus, { limit: 1 })).length, 1);
  });
});
