import { randomUUID } from 'node:crypto';
import { openJournal } from '@conclave/bus';
import { sealCommit, startTestBus, testSigner } from '@conclave/bus/testing';
import { type Aggregate, type RawEvent, WRITER_OF } from '@conclave/contracts';
import { z } from 'zod';
import { journalLikeStream } from './raw-stream.ts';
import { median } from './statistics.ts';

const ROUNDS = 60;
const APPENDS_PER_BLOCK = 50;
const BY = 'bench-1';

export const signatureCost = z.object({
  /** Appends per second: raw ones, the same with the journal's signature, and the journal's own, which are always signed. */
  unsignedPerSecond: z.number(),
  signedPerSecond: z.number(),
  journalPerSecond: z.number(),
  /**
   * Share of the journal's append rate that signing takes: what the signature adds to a raw append, by the time of an append of the journal.
   * The median over neighbouring blocks; below 0 when noise is larger than it.
   */
  cost: z.number(),
  /** The middle half of the rounds. */
  costFrom: z.number(),
  costTo: z.number(),
  /** What the same signature takes of a raw append's rate, which does nothing else. */
  costOfRaw: z.number(),
  /** Making the signature by itself, microseconds. */
  signatureMicroseconds: z.number(),
  note: z.string(),
});
export type SignatureCost = z.infer<typeof signatureCost>;

/** An append to an aggregate; resolves with the sequence of what is stored. */
type Append = (aggregate: Aggregate, expectedSeq: number, event: RawEvent) => Promise<number>;

/** Awaited synced appends of three kinds in alternating blocks on one server, so that a slow moment of the disk meets them all. */
export async function measure(): Promise<SignatureCost> {
  await using server = await startTestBus();
  const stream = await journalLikeStream(server.nats.url);
  const journal = openJournal(server.bus, { by: BY });
  const kinds: Append[] = [
    (aggregate, expectedSeq, event) => stream.append(subjectOf(aggregate), expectedSeq, payloadOf(event)),
    (aggregate, expectedSeq, event) => {
      const payload = payloadOf(event);
      return stream.append(subjectOf(aggregate), expectedSeq, payload, seal(aggregate, expectedSeq, payload));
    },
    async (aggregate, expectedSeq, event) => (await journal.append(aggregate, expectedSeq, [event])).seq,
  ];
  const seconds = kinds.map((): number[] => []);
  for (const kind of kinds) await secondsOf(kind);
  for (let round = 0; round < ROUNDS; round++) {
    // Another one is first in every round, so that none always follows the same one.
    for (let turn = 0; turn < kinds.length; turn++) {
      const index = (round + turn) % kinds.length;
      const kind = kinds[index];
      if (kind !== undefined) seconds[index]?.push(await secondsOf(kind));
    }
  }
  await stream.close();
  const [unsigned = [], signed = [], own = []] = seconds;
  const at = (times: readonly number[], round: number): number => times[round] ?? Number.NaN;
  const shares = own.map((time, round) => (at(signed, round) - at(unsigned, round)) / time).toSorted((a, b) => a - b);
  return {
    unsignedPerSecond: APPENDS_PER_BLOCK / median(unsigned),
    signedPerSecond: APPENDS_PER_BLOCK / median(signed),
    journalPerSecond: APPENDS_PER_BLOCK / median(own),
    cost: median(shares),
    costFrom: at(shares, Math.floor(ROUNDS / 4)),
    costTo: at(shares, Math.floor((ROUNDS * 3) / 4)),
    costOfRaw: median(unsigned.map((time, round) => 1 - time / at(signed, round))),
    signatureMicroseconds: microsecondsOfOne(),
    note: `Ed25519 by node:crypto over the SHA-256 of a commit, one writer, ${ROUNDS} rounds of alternating blocks of ${APPENDS_PER_BLOCK}`,
  };
}

async function secondsOf(append: Append): Promise<number> {
  const aggregate: Aggregate = { kind: 'actions', id: randomUUID() };
  const startedAt = performance.now();
  let expectedSeq = 0;
  for (let index = 0; index < APPENDS_PER_BLOCK; index++)
    expectedSeq = await append(aggregate, expectedSeq, eventOf(aggregate));
  return (performance.now() - startedAt) / 1000;
}

function eventOf({ id }: Aggregate): RawEvent {
  const data = { action: id, correlationId: randomUUID(), text: 'x'.repeat(180) };
  return { id: randomUUID(), type: 'action.started', at: new Date().toISOString(), data };
}

function payloadOf(event: RawEvent): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ by: BY, events: [event] }));
}

function subjectOf({ kind, id }: Aggregate): string {
  return `${kind}.${id}`;
}

function seal(aggregate: Aggregate, expectedSeq: number, payload: Uint8Array): string {
  const own = testSigner.keyOf(WRITER_OF[aggregate.kind]);
  if (own === undefined) throw new Error(`nobody signs ${aggregate.kind}`);
  const place = { subject: subjectOf(aggregate), expectedSeq, readSeq: expectedSeq, predecessor: undefined };
  return sealCommit(own, { ...place, payload }).header;
}

function microsecondsOfOne(): number {
  const aggregate: Aggregate = { kind: 'actions', id: randomUUID() };
  const payload = payloadOf(eventOf(aggregate));
  const times = Array.from({ length: 500 }, () => {
    const startedAt = performance.now();
    seal(aggregate, 0, payload);
    return (performance.now() - startedAt) * 1000;
  });
  return median(times);
}
