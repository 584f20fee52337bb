import { randomUUID } from 'node:crypto';
import { messageOf, STREAMS } from '@conclave/contracts';
import { asConclaveError, JS_ERROR, jsErrorCode, type Native, nativeOf, parseJson } from './native.ts';
import type { Bus } from './ports/connection.ts';
import type { Follower } from './ports/journal.ts';
import type { FollowTelemetryOptions, TelemetryEnd } from './ports/projections.ts';
import { refuseTooLarge, storeOrFail } from './publish.ts';
import type { StreamMessage } from './pull.ts';
import { eachMessage, followStream } from './reader.ts';

const PUBLISH_DEADLINE_MS = 30_000;

function encode(subject: string, body: unknown): Uint8Array {
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  refuseTooLarge(subject, bytes.length);
  return bytes;
}

/**
 * Stores a window. Message ids are the stream's: whoever used one first makes every other message of that id a duplicate. So an id is
 * random, and where the server has a message of it already, that is read: another's id costs a second attempt, not the window.
 * @param options.msgId a UUID of one's own, the same for each attempt to store this body
 * @throws CVE_MESSAGE_TOO_LARGE over 64 KB; CVE_BUS_UNAVAILABLE after 30 s; CVE_UNAUTHORIZED
 */
export async function publishTelemetry(
  bus: Bus,
  subject: string,
  body: unknown,
  options: { msgId?: string } = {},
): Promise<void> {
  const native = nativeOf(bus);
  const bytes = encode(subject, body);
  for (let msgId = options.msgId ?? randomUUID(); ; msgId = randomUUID()) {
    const stored = await storeOrFail(native, subject, bytes, { msgId, deadlineMs: PUBLISH_DEADLINE_MS });
    if (!stored.duplicate || (await isStoredAt(native, stored.seq, subject, bytes))) return;
    native.logger.warn({ subject, seq: stored.seq }, 'somebody used the id of this message first; it gets another');
  }
}

async function isStoredAt(native: Native, seq: number, subject: string, bytes: Uint8Array): Promise<boolean> {
  try {
    const found = await native.jsm.streams.getMessage(STREAMS.telemetry, { seq });
    return found.subject === subject && Buffer.compare(found.data, bytes) === 0;
  } catch (error) {
    if (jsErrorCode(error) === JS_ERROR.noMessage) return false;
    throw asConclaveError(error, `read message ${seq} of ${STREAMS.telemetry}`);
  }
}

/** @throws CVE_BUS_UNAVAILABLE, CVE_UNAUTHORIZED */
export async function telemetryEnd(bus: Bus): Promise<TelemetryEnd> {
  const { state, created } = await nativeOf(bus)
    .jsm.streams.info(STREAMS.telemetry)
    .catch((error: unknown) => {
      throw asConclaveError(error, 'read the end of the telemetry');
    });
  return { lastSeq: state.last_seq, created };
}

/** Submits a document. @throws CVE_MESSAGE_TOO_LARGE over 64 KB; CVE_BUS_UNAVAILABLE after 30 s; CVE_UNAUTHORIZED */
export async function publishInbox(
  bus: Bus,
  subject: string,
  body: unknown,
  options: { msgId?: string | undefined; headers?: Readonly<Record<string, string>> | undefined } = {},
): Promise<{ seq: number; duplicate: boolean }> {
  return await storeOrFail(nativeOf(bus), subject, encode(subject, body), {
    ...options,
    deadlineMs: PUBLISH_DEADLINE_MS,
  });
}

/** Delivers stored telemetry since a time or behind a sequence, then live. One bad message is reported and does not stop the rest. */
export function followTelemetry(bus: Bus, options: FollowTelemetryOptions): Follower {
  const deliver = async (message: StreamMessage): Promise<void> => {
    const { streamSeq: seq, subject, storedAt } = message;
    const read = readMessage(message);
    if ('json' in read) await options.onMessage(read.json, { seq, subject, storedAt });
    else if (options.onQuarantined === undefined) throw read.error;
    else {
      const reason = messageOf(read.error);
      options.onQuarantined({ stream: 'telemetry', seq, subject, storedAt, reason, bytes: message.data });
    }
  };
  return followStream(nativeOf(bus), {
    stream: STREAMS.telemetry,
    filters: typeof options.filter === 'string' ? [options.filter] : options.filter,
    start: options.afterSeq === undefined ? { time: options.sinceIso } : { seq: options.afterSeq + 1 },
    onMessages: eachMessage((message) => deliver(message).catch(options.onError)),
    onCaughtUp: options.onCaughtUp === undefined ? undefined : () => options.onCaughtUp?.(),
    onError: (error) => options.onError(error),
  });
}

function readMessage({ data, streamSeq, subject }: StreamMessage): { json: unknown } | { error: unknown } {
  try {
    return { json: parseJson(data, `message ${streamSeq} of ${subject}`) };
  } catch (error) {
    return { error };
  }
}
