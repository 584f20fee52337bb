import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { startNats } from '@conclave/bus/testing';
import { z } from 'zod';
import { commitOf } from './raw.ts';
import { journalLikeStream, type RawStream } from './raw-stream.ts';
import { median } from './statistics.ts';

const PAIRS = 60;
const APPENDS_PER_BLOCK = 50;

export const signatureCost = z.object({
  unsignedPerSecond: z.number(),
  signedPerSecond: z.number(),
  /** Share of the append rate that signing takes: the median over pairs of neighbouring blocks; below 0 when noise is larger than it. */
  cost: z.number(),
  /** The middle half of the pairs. */
  costFrom: z.number(),
  costTo: z.number(),
  /** One Ed25519 signature over a commit by itself, microseconds. */
  signatureMicroseconds: z.number(),
  note: z.string(),
});
export type SignatureCost = z.infer<typeof signatureCost>;

/** Awaited synced appends with and without a signature, in alternating blocks on one stream, so that a slow moment of the disk meets both. */
export async function measure(): Promise<SignatureCost> {
  const nats = await startNats();
  try {
    const stream = await journalLikeStream(nats.url);
    const { privateKey } = generateKeyPairSync('ed25519');
    await secondsOf(stream, undefined);
    await secondsOf(stream, privateKey);
    const unsigned: number[] = [];
    const signed: number[] = [];
    for (let pair = 0; pair < PAIRS; pair++) {
      // Turned every time, so that neither kind is always the second.
      const kinds = pair % 2 === 0 ? [undefined, privateKey] : [privateKey, undefined];
      for (const key of kinds) (key === undefined ? unsigned : signed).push(await secondsOf(stream, key));
    }
    await stream.close();
    const costs = unsigned.map((seconds, pair) => 1 - seconds / (signed[pair] ?? Number.NaN)).toSorted((a, b) => a - b);
    return {
      unsignedPerSecond: APPENDS_PER_BLOCK / median(unsigned),
      signedPerSecond: APPENDS_PER_BLOCK / median(signed),
      cost: median(costs),
      costFrom: costs[Math.floor(costs.length / 4)] ?? Number.NaN,
      costTo: costs[Math.floor((costs.length * 3) / 4)] ?? Number.NaN,
      signatureMicroseconds: microsecondsOfOne(privateKey),
      note: `raw appends with an Ed25519 signature of node:crypto in a header; ${PAIRS} alternating pairs of ${APPENDS_PER_BLOCK}`,
    };
  } finally {
    await nats.stop();
  }
}

async function secondsOf(stream: RawStream, key: KeyObject | undefined): Promise<number> {
  const subject = `actions.${randomUUID()}`;
  const startedAt = performance.now();
  let expectedSeq = 0;
  for (let index = 0; index < APPENDS_PER_BLOCK; index++) {
    const payload = commitOf(subject, 'action_started');
    const signature = key === undefined ? undefined : signatureOf(key, subject, expectedSeq, payload);
    expectedSeq = await stream.append(subject, expectedSeq, payload, signature);
  }
  return (performance.now() - startedAt) / 1000;
}

function signatureOf(key: KeyObject, subject: string, expectedSeq: number, payload: Uint8Array): string {
  const signed = Buffer.concat([Buffer.from(`${subject}\n${expectedSeq}\n`), payload]);
  return sign(null, signed, key).toString('base64url');
}

function microsecondsOfOne(key: KeyObject): number {
  const payload = commitOf(randomUUID(), 'action_started');
  const times = Array.from({ length: 500 }, () => {
    const startedAt = performance.now();
    signatureOf(key, 'actions.one', 0, payload);
    return (performance.now() - startedAt) * 1000;
  });
  return median(times);
}
