import { encodeToken } from '@conclave/contracts';
import { kvGet, kvPut, kvSubject } from './kv.ts';
import type { Native } from './native.ts';

/** Bucket of the counts, by consumer, stream and message. */
export const HANDBACKS = 'conclave-handbacks';
/** Milliseconds a count is kept; work is done or dead long before. */
export const HANDBACKS_TTL_MS = 30 * 86_400_000;
const RECORD_DEADLINE_MS = 1000;

/** Subject of the counts that a durable consumer may write. */
export const handbacksOf = (consumer: string): string => kvSubject(HANDBACKS, `${encodeToken(consumer)}.>`);

/**
 * How often each message was handed back by a handler that was told to stop. The server counts such deliveries like those that ended in
 * a crash, and a worker may not publish work anew; so they are counted here and subtracted.
 */
export interface Handbacks {
  count(streamSeq: number): Promise<number>;
  record(streamSeq: number, count: number): Promise<void>;
}

export function openHandbacks(native: Native, stream: string, consumer: string): Handbacks {
  const key = (streamSeq: number): string => `${encodeToken(consumer)}.${stream}.${streamSeq}`;
  return {
    async count(streamSeq) {
      const entry = await kvGet(native, HANDBACKS, key(streamSeq));
      return Number(new TextDecoder().decode(entry?.value)) || 0;
    },
    async record(streamSeq, count) {
      const value = new TextEncoder().encode(String(count));
      await kvPut(native, HANDBACKS, key(streamSeq), value, { deadlineMs: RECORD_DEADLINE_MS });
    },
  };
}
