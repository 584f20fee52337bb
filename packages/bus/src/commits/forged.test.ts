import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { type Aggregate, aggregates, type Commit, STREAMS, subjects, WRITER_OF } from '@conclave/contracts';
import { openJournal } from '../journal.ts';
import { headerRecord, nativeOf, toNatsHeaders } from '../native.ts';
import { createNkey } from '../nkeys.ts';
import type { JournalPosition } from '../ports/journal.ts';
import type { Quarantined } from '../ports/quarantined.ts';
import { SIGNATURE_HEADER, signerOf } from '../signing/signature.ts';
import { startTestBus, testSigner, until } from '../testing/index.ts';
import { testSeeds } from '../testing/signing.ts';
import { testEvent } from '../testing/test-event.ts';
import { sealCommit } from './commit-seal.ts';

/** A random number below `limit` from a seed: Park and Miller's generator, so that a failing history can be had again. */
function randomFrom(seed: number): (limit: number) => number {
  let state = seed % 2147483647 || 1;
  return (limit) => {
    state = (state * 48271) % 2147483647;
    return state % limit;
  };
}

const AGGREGATES: readonly Aggregate[] = [
  aggregates.schedule,
  aggregates.roadmap,
  aggregates.rollouts('a'),
  aggregates.rollouts('b 1.0'),
  aggregates.meeting('m1'),
  aggregates.action('x1'),
  aggregates.action('x2'),
  aggregates.evaluation('e1'),
  aggregates.incident('i1'),
  aggregates.model('a'),
];

const SEED = Number(process.env.CONCLAVE_TEST_SEED ?? randomInt(1, 2 ** 31 - 1));
const STEPS = 600;

test(`what nobody may have signed for its place changes nothing, for any reader (CONCLAVE_TEST_SEED=${SEED})`, async () => {
  await using server = await startTestBus();
  const { js, jsm } = nativeOf(server.bus);
  const random = randomFrom(SEED);
  const pick = <T>(from: readonly T[]): T => {
    const one = from[random(from.length)];
    assert.ok(one !== undefined);
    return one;
  };
  const journal = openJournal(server.bus, { by: 'writer-0' });
  const rival = openJournal(await server.connect(), { by: 'writer-1' });

  const positions = new Map<number, JournalPosition>();
  const live: Commit[] = [];
  const passedOver: Quarantined[] = [];
  const errors: unknown[] = [];
  const follower = journal.follow({
    filters: [subjects.journalAll],
    onCommit: (commit) => {
      live.push(commit);
      positions.set(commit.seq, structuredClone(follower.position));
    },
    onQuarantined: (message) => {
      passedOver.push(message);
      positions.set(message.seq, structuredClone(follower.position));
    },
    onError: (error) => errors.push(error),
  });

  /** What was really appended: event id and place. */
  const real: string[] = [];
  const heads = new Map<Aggregate, number>();
  let forged = 0;
  const forge = async (subject: string, data: Uint8Array | string, headers: Record<string, string> = {}) => {
    await js.publish(subject, data, { headers: toNatsHeaders(headers) });
    forged++;
  };
  const body = (id: string): Uint8Array =>
    new TextEncoder().encode(JSON.stringify({ by: 'coordinator-0', events: [testEvent(id)] }));
  const sealed = (aggregate: Aggregate, payload: Uint8Array, signer: typeof testSigner) => {
    const expectedSeq = heads.get(aggregate) ?? 0;
    const readSeq = real.length;
    const subject = subjects.journal(aggregate);
    const own = signer.keyOf(WRITER_OF[aggregate.kind]);
    assert.ok(own !== undefined);
    return sealCommit(own, { subject, expectedSeq, readSeq, predecessor: undefined, payload }).header;
  };
  const stored = async () => {
    const { state } = await jsm.streams.info(STREAMS.journal);
    const message = await jsm.streams.getMessage(STREAMS.journal, { seq: 1 + random(Math.max(1, state.last_seq)) });
    return { subject: message.subject, data: message.data, headers: headerRecord(message.header) };
  };
  const stranger = signerOf(createNkey().seed);
  const executor = signerOf(testSeeds.executor);
  const planner = signerOf(testSeeds.planner);
  const withoutIds = (headers: Record<string, string>): Record<string, string> =>
    Object.fromEntries(Object.entries(headers).filter(([name]) => name === SIGNATURE_HEADER));

  const attacks: readonly ((n: number) => Promise<void>)[] = [
    (n) => forge(subjects.journal(pick(AGGREGATES)), body(`unsigned-${n}`)),
    () => forge(subjects.journal(pick(AGGREGATES)), 'no commit'),
    () => forge(subjects.journal(pick(AGGREGATES)), '{"stream":"CONCLAVE_INBOX","seq":7}'),
    () =>
      forge(pick(['conclave.journal.nonsense.x', 'conclave.journal.schedule.x', 'conclave.journal.x']), body('far')),
    async (n) => {
      const aggregate = pick(AGGREGATES);
      const payload = body(`stranger-${n}`);
      await forge(subjects.journal(aggregate), payload, { [SIGNATURE_HEADER]: sealed(aggregate, payload, stranger) });
    },
    async (n) => {
      const aggregate = pick(AGGREGATES.filter(({ kind }) => kind !== 'actions'));
      const payload = body(`executor-${n}`);
      await forge(subjects.journal(aggregate), payload, { [SIGNATURE_HEADER]: sealed(aggregate, payload, executor) });
    },
    async (n) => {
      const aggregate = pick(AGGREGATES.filter(({ kind }) => kind !== 'meetings'));
      const payload = body(`planner-${n}`);
      await forge(subjects.journal(aggregate), payload, { [SIGNATURE_HEADER]: sealed(aggregate, payload, planner) });
    },
    // Signed by who may, for this very place, but other content.
    async (n) => {
      const aggregate = pick(AGGREGATES);
      const header = sealed(aggregate, body(`asked-${n}`), testSigner);
      await forge(subjects.journal(aggregate), body(`changed-${n}`), { [SIGNATURE_HEADER]: header });
    },
    async () => {
      const { subject, data, headers } = await stored();
      await forge(subject, data, withoutIds(headers));
    },
    async () => {
      const { data, headers } = await stored();
      await forge(subjects.journal(pick(AGGREGATES)), data, withoutIds(headers));
    },
    async () => {
      const { subject, data, headers } = await stored();
      await forge(subject, data.subarray(0, random(data.length)), withoutIds(headers));
    },
    async () => {
      const { subject, data, headers } = await stored();
      const header = headers[SIGNATURE_HEADER] ?? 'v1 U 0 0 - AA';
      const at = random(header.length);
      await forge(subject, data, { [SIGNATURE_HEADER]: `${header.slice(0, at)}x${header.slice(at + 1)}` });
    },
  ];

  for (let n = 0; n < STEPS; n++) {
    if (n > 0 && random(3) === 0) {
      await pick(attacks)(n);
      continue;
    }
    const aggregate = pick(AGGREGATES);
    const expected = random(10) === 0 ? 'any' : (heads.get(aggregate) ?? 0);
    // Either writer knows of commits only, not of what lies behind them.
    const { seq } = await pick([journal, rival]).append(aggregate, expected, [testEvent(`real-${n}`)]);
    heads.set(aggregate, seq);
    real.push(`${seq} real-${n}`);
  }

  const told = (commits: readonly Commit[]): string[] =>
    commits.map(({ seq, events }) => `${seq} ${events.map(({ id }) => id).join()}`);
  const end = await journal.lastSeq();
  await until(() => follower.lastSeq === end, 'everything was read');
  await follower.stop();
  assert.deepEqual(errors, []);
  assert.deepEqual(told(live), real);
  assert.equal(passedOver.length, forged);
  assert.equal(new Set(passedOver.map(({ seq }) => seq)).size, forged);

  for (const aggregate of AGGREGATES) {
    const own = live.filter(({ aggregate: { kind, id } }) => kind === aggregate.kind && id === aggregate.id);
    assert.deepEqual(told(await rival.read(aggregate)), told(own));
  }
  // From the beginning in one go, and from any place on.
  for (const fromSeq of [1, ...Array.from({ length: 12 }, () => 2 + random(end - 2))]) {
    const again: Commit[] = [];
    const quarantined: Quarantined[] = [];
    const reader = rival.follow({
      filters: [subjects.journalAll],
      fromSeq,
      position: JSON.parse(JSON.stringify(positions.get(fromSeq - 1) ?? { kept: {}, heads: {}, unexpected: {} })),
      onCommit: (commit) => void again.push(commit),
      onQuarantined: (message) => void quarantined.push(message),
      onError: (error) => assert.fail(String(error)),
    });
    await until(() => reader.lastSeq === end, 'everything was read again');
    await reader.stop();
    assert.deepEqual(told(again), told(live.filter(({ seq }) => seq >= fromSeq)));
    assert.deepEqual(
      quarantined.map(({ seq, reason }) => `${seq} ${reason}`),
      passedOver.filter(({ seq }) => seq >= fromSeq).map(({ seq, reason }) => `${seq} ${reason}`),
    );
  }
});
