import { headerOf, JS_ERROR, jsErrorCode, type Native } from './native.ts';
import { store } from './publish.ts';

/** A key's value. Buckets are streams named `KV_<bucket>` with subjects `$KV.<bucket>.<key>` (NATS ADR-8), so `nats kv` reads them. */
export interface KvEntry {
  readonly revision: number;
  /** Undefined for a deleted key: its revision still counts in a comparison. */
  readonly value: Uint8Array | undefined;
  /** Time the server stored it, ISO 8601. */
  readonly storedAt: string;
  header(name: string): string | undefined;
}

export const kvStream = (bucket: string): string => `KV_${bucket}`;
export const kvSubject = (bucket: string, key: string): string => `$KV.${bucket}.${key}`;

/** The last value, asked from the bucket's leader. Undefined when there never was one or it has expired. @throws NatsError */
export async function kvGet(native: Native, bucket: string, key: string): Promise<KvEntry | undefined> {
  try {
    const message = await native.jsm.streams.getMessage(kvStream(bucket), { last_by_subj: kvSubject(bucket, key) });
    const operation = headerOf(message.header, 'KV-Operation');
    return {
      revision: message.seq,
      value: operation === undefined ? message.data : undefined,
      storedAt: message.time.toISOString(),
      header: (name) => headerOf(message.header, name),
    };
  } catch (error) {
    if (jsErrorCode(error) === JS_ERROR.noMessage) return undefined;
    throw error;
  }
}

/** Stores a value if the key is still at `expectedRevision` (0: absent; undefined: whatever it is). @returns the new revision. */
export async function kvPut(
  native: Native,
  bucket: string,
  key: string,
  value: Uint8Array,
  options: {
    expectedRevision?: number | undefined;
    headers?: Readonly<Record<string, string>> | undefined;
    /** Stored once for all attempts; one's own, a UUID. */
    msgId?: string | undefined;
    deadlineMs: number;
  },
): Promise<number> {
  const ack = await store(native, kvSubject(bucket, key), value, {
    msgId: options.msgId,
    headers: options.headers,
    expectedSubjectSeq: options.expectedRevision,
    deadlineMs: options.deadlineMs,
  });
  return ack.seq;
}

export async function kvDelete(
  native: Native,
  bucket: string,
  key: string,
  options: {
    expectedRevision?: number | undefined;
    headers?: Readonly<Record<string, string>> | undefined;
    msgId?: string | undefined;
    deadlineMs: number;
  },
): Promise<void> {
  await store(native, kvSubject(bucket, key), new Uint8Array(), {
    msgId: options.msgId,
    headers: { ...options.headers, 'KV-Operation': 'DEL' },
    expectedSubjectSeq: options.expectedRevision,
    deadlineMs: options.deadlineMs,
  });
}
