import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { BUCKETS, encodeToken, STREAMS, subjects } from '@conclave/contracts';
import fc from 'fast-check';
import type { MsgHdrs } from 'nats';
import { connectBus } from './connection.ts';
import { kvPut, kvStream, kvSubject } from './kv.ts';
import { MemberSealer } from './member-seal.ts';
import { openMembership, openSeats } from './membership.ts';
import { headerOf, nativeOf, toNatsHeaders } from './native.ts';
import { createNkey } from './nkeys.ts';
import type { Bus } from './ports/connection.ts';
import type { Quarantined } from './ports/quarantined.ts';
import { keyringOf } from './signing/keyring.ts';
import { SIGNATURE_HEADER, signerOf } from './signing/signature.ts';
import { followTelemetry, publishTelemetry } from './telemetry.ts';
import { startTestBus, type TestBus, until } from './testing/index.ts';
import { keyringFileOf, testSeeds } from './testing/signing.ts';

const SUBJECT = subjects.telemetry('m', '1.0');
const OTHER = subjects.telemetry('m', '1.1');

describe('what is signed', () => {
  let test: TestBus;
  /** Signs with keys that nobody who reads has on record. */
  let stranger: Bus;
  /** Signs everything as the planner. */
  let planner: Bus;
  before(async () => {
    test = await startTestBus({ topology: { membershipTtlMs: 60_000 } });
    const as = (seed: string) =>
      connectBus({
        servers: test.nats.url,
        name: 'other',
        signer: signerOf(seed),
        keyring: keyringOf(keyringFileOf(testSeeds)),
      });
    stranger = await as(createNkey().seed);
    planner = await as(testSeeds.planner);
  });
  after(async () => {
    await Promise.all([stranger.drain(), planner.drain()]);
    await test[Symbol.asyncDispose]();
  });

  const raw = async (subject: string, data: Uint8Array | string, headers?: MsgHdrs): Promise<number> =>
    (await nativeOf(test.bus).js.publish(subject, data, headers === undefined ? {} : { headers })).seq;
  /** What stands there, without its message id: with that the server itself would refuse it a second time. */
  const last = async (stream: string, subject: string): Promise<{ data: Uint8Array; header: MsgHdrs }> => {
    const { data, header } = await nativeOf(test.bus).jsm.streams.getMessage(stream, { last_by_subj: subject });
    return { data, header: toNatsHeaders({ [SIGNATURE_HEADER]: headerOf(header, SIGNATURE_HEADER) ?? '' }) };
  };

  it('of the telemetry, what no gpu-runner signed for its subject is passed over, and each of it reported once', async () => {
    let n = 0;
    let since = 0;
    const end = async () => (await nativeOf(test.bus).jsm.streams.info(STREAMS.telemetry)).state.last_seq;
    /** What stores something that does not count, by how. */
    const attacks: Record<string, () => Promise<unknown>> = {
      unsigned: () => raw(SUBJECT, JSON.stringify({ n: -1 })),
      garbage: () => raw(SUBJECT, '\u0000', toNatsHeaders({ [SIGNATURE_HEADER]: 'v1 x' })),
      stranger: () => publishTelemetry(stranger, SUBJECT, { n: -2 }),
      planner: () => publishTelemetry(planner, SUBJECT, { n: -3 }),
      async elsewhere() {
        const { data, header } = await last(STREAMS.telemetry, SUBJECT);
        await raw(OTHER, data, header);
      },
      async truncated() {
        const { data, header } = await last(STREAMS.telemetry, SUBJECT);
        await raw(SUBJECT, data.subarray(0, -1), header);
      },
      async changed() {
        const { header } = await last(STREAMS.telemetry, SUBJECT);
        await raw(SUBJECT, JSON.stringify({ n: 1000 }), header);
      },
    };
    const step = fc.constantFrom('genuine', 'genuine', ...Object.keys(attacks));
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        since = await end();
        const genuine: number[] = [];
        let forged = 0;
        for (const one of ['genuine', ...steps]) {
          if (one === 'genuine') {
            await publishTelemetry(test.bus, SUBJECT, { n: ++n });
            genuine.push(n);
          } else {
            await attacks[one]?.();
            forged++;
          }
        }
        const seen: unknown[] = [];
        const quarantined: Quarantined[] = [];
        const follower = followTelemetry(test.bus, {
          filter: subjects.telemetryAll,
          sinceIso: new Date(0).toISOString(),
          afterSeq: since,
          onMessage: (json) => void seen.push(Object(json).n),
          onQuarantined: (message) => void quarantined.push(message),
          onError: (error) => assert.fail(String(error)),
        });
        await until(() => follower.caughtUp, 'caught up');
        await follower.stop();
        assert.deepEqual(seen, genuine);
        assert.equal(quarantined.length, forged);
        assert.equal(new Set(quarantined.map(({ seq }) => seq)).size, forged);
      }),
      { numRuns: 20 },
    );
  });

  it('counts only while its key was valid, by the time that the server stored it', async () => {
    const since = (await nativeOf(test.bus).jsm.streams.info(STREAMS.telemetry)).state.last_seq;
    await publishTelemetry(test.bus, SUBJECT, { n: 1 });
    const limits = [{}, { until: '2026-01-01T00:00:00Z' }, { from: '2999-01-01T00:00:00Z' }];
    for (const [index, limit] of limits.entries()) {
      const keys = keyringFileOf(testSeeds).keys.map((key) => ({ ...key, ...limit }));
      const bus = await connectBus({ servers: test.nats.url, name: 'reader', keyring: keyringOf({ keys }) });
      const reasons: string[] = [];
      const follower = followTelemetry(bus, {
        filter: SUBJECT,
        sinceIso: new Date(0).toISOString(),
        afterSeq: since,
        onMessage() {},
        onQuarantined: ({ reason }) => void reasons.push(reason),
        onError: (error) => assert.fail(String(error)),
      });
      await until(() => follower.caughtUp, 'caught up');
      await follower.stop();
      await bus.drain();
      assert.equal(reasons.length, index === 0 ? 0 : 1);
      assert.match(reasons.join(), index === 0 ? /^$/ : /was not valid at/);
    }
  });

  it('of the members, what their service did not sign, or was stored again, changes nothing and is reported once', async () => {
    const bucket = BUCKETS.runners;
    const subjectOf = (id: string) => kvSubject(bucket, encodeToken(id));
    const native = nativeOf(test.bus);
    const runners = openMembership(test.bus);
    await runners.put('gpu-0', { share: 0.1 });
    const old = await last(kvStream(bucket), subjectOf('gpu-0'));
    await runners.put('gpu-0', { share: 0.2 });
    const reported: string[] = [];
    let present = new Map<string, unknown>();
    const stop = await openMembership(test.bus, {
      onQuarantined: ({ stream, seq, reason }) => void reported.push(`${stream} ${seq}: ${reason}`),
    }).watch((all) => {
      present = new Map(all);
    });
    const genuine = new Map([['gpu-0', { share: 0.2 }]]);
    assert.deepEqual(present, genuine);

    const bytes = new TextEncoder().encode(JSON.stringify({ share: 1 }));
    const late = new MemberSealer(native, () => Date.now() - 700_000);
    const attacks: [what: RegExp, attack: () => Promise<unknown>][] = [
      [/it is not signed/, () => raw(subjectOf('gpu-0'), bytes)],
      [/it is not signed/, () => raw(subjectOf('gpu-0'), '', toNatsHeaders({ 'KV-Operation': 'DEL' }))],
      [/is on no keyring/, () => openMembership(stranger).put('gpu-0', { share: 1 })],
      [/is that of planner/, () => openMembership(planner).put('gpu-0', { share: 1 })],
      [/is that of planner/, () => openMembership(planner).delete('gpu-0')],
      [/is not good/, () => raw(subjectOf('gpu-1'), old.data, old.header)],
      [/is not good/, () => raw(subjectOf('gpu-0'), bytes, old.header)],
      [
        /signed to put/,
        () => {
          old.header.set('KV-Operation', 'DEL');
          return raw(subjectOf('gpu-0'), old.data, old.header).finally(() => old.header.delete('KV-Operation'));
        },
      ],
      [
        /the clock of its writer or of the server is wrong/,
        () =>
          kvPut(native, bucket, encodeToken('gpu-0'), bytes, {
            headers: late.headers('gpu-runner', subjectOf('gpu-0'), 'put', bytes),
            deadlineMs: 5000,
          }),
      ],
    ];
    for (const [index, [what, attack]] of attacks.entries()) {
      await attack();
      await until(() => reported.length === index + 1, `attack ${index} is reported: ${what}`);
      assert.match(reported[index] ?? '', what);
      assert.deepEqual(present, genuine);
    }
    // The watcher has heard a later one of the same process only now.
    await runners.put('gpu-0', { share: 0.3 });
    await until(() => JSON.stringify(present.get('gpu-0')) === '{"share":0.3}', 'the runner goes on');
    const newest = await last(kvStream(bucket), subjectOf('gpu-0'));
    for (const again of [old, newest]) await raw(subjectOf('gpu-0'), again.data, again.header);
    await until(() => reported.length === attacks.length + 2, 'what was stored again is reported');
    assert.match(reported.slice(-2).join(), /stored before.*stored before/);
    assert.deepEqual(present, new Map([['gpu-0', { share: 0.3 }]]));

    await runners.delete('gpu-0');
    await until(() => present.size === 0, 'the runner leaves');
    await raw(subjectOf('gpu-0'), newest.data, newest.header);
    await until(() => reported.length === attacks.length + 3, 'who left does not come back');
    assert.equal(present.size, 0);
    await stop();
  });

  it('of the seats, each service signs its own', async () => {
    const reasons: string[] = [];
    const options = { onQuarantined: ({ stream, reason }: Quarantined) => void reasons.push(`${stream}: ${reason}`) };
    let present: string[] = [];
    const stop = await openSeats(test.bus, undefined, options).watch((all) => {
      present = [...all.keys()].sort();
    });
    await openSeats(planner, 'planner').put('planner-0', {});
    await openSeats(planner, 'executor').put('executor-0', {});
    await openSeats(test.bus, 'executor').put('executor-1', {});
    await until(() => present.length === 2, 'two are there');
    assert.deepEqual(present, ['executor/executor-1', 'planner/planner-0']);
    assert.match(reasons.join(), /^seats: its key .* is that of planner, which may not write here$/);
    await stop();
  });

  it('a writer whose clock is set back goes on in its order', async () => {
    const bytes = new TextEncoder().encode('1');
    let now = Date.now();
    const sealer = new MemberSealer(nativeOf(test.bus), () => now);
    const key = encodeToken('gpu-9');
    const reasons: string[] = [];
    let puts = 0;
    const stop = await openMembership(test.bus, { onQuarantined: ({ reason }) => void reasons.push(reason) }).watch(
      () => {
        puts++;
      },
    );
    const before = puts;
    for (const backMs of [0, 60_000]) {
      now -= backMs;
      const headers = sealer.headers('gpu-runner', kvSubject(BUCKETS.runners, key), 'put', bytes);
      await kvPut(nativeOf(test.bus), BUCKETS.runners, key, bytes, { headers, deadlineMs: 5000 });
    }
    await until(() => puts > before, 'it is there');
    await stop();
    assert.deepEqual(
      reasons.filter((reason) => reason.includes(key)),
      [],
    );
  });
});
