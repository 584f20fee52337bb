import { randomUUID } from 'node:crypto';
import { messageOf, STREAMS } from '@conclave/contracts';
import { asConclaveError, headerOf, JS_ERROR, jsErrorCode, type Native, nativeOf, parseJson } from './native.ts';
import type { Bus } from './ports/connection.ts';
import type { Follower } from './ports/journal.ts';
import type { FollowTelemetryOptions, TelemetryEnd } from './ports/projections.ts';
import { refuseTooLarge, storeOrFail } from './publish.ts';
import type { StreamMessage } from './pull.ts';
import { followStream } from './reader.ts';
import { SIGNATURE_HEADER } from './signing/signature.ts';
import { sealValue, whyNotGenuineLater } from './signing/value-seal.ts';

const PUBLISH_DEADLINE_MS = 30_000;
const WRITER = 'gpu-runner';
const DOMAIN = 'window';

function encode(subject: string, body: unknown): Uint8Array {
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  refuseTooLarge(subject, bytes.length);
  return bytes;
}

/**
 * Stores a window with this process's signature. Message ids are the stream's: whoever used one first makes every other message of that id a duplicate. So an id is
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
  const headers = { [SIGNATURE_HEADER]: sealValue(native.signer, WRITER, DOMAIN, subject, bytes) };
  for (let msgId = options.msgId ?? randomUUID(); ; msgId = randomUUID()) {
    const stored = await storeOrFail(native, subject, bytes, { msgId, headers, deadlineMs: PUBLISH_DEADLINE_MS });
    if (!stored.duplicate || (await isStoredAt(native, stored.seq, subject, headers[SIGNATURE_HEADER]))) return;
    native.logger.warn({ subject, seq: stored.seq }, 'somebody used the id of this message first; it gets another');
  }
}

async function isStoredAt(native: Native, seq: number, subject: string, signature: string): Promise<boolean> {
  try {
    const found = await native.jsm.streams.getMessage(STREAMS.telemetry, { seq });
    return found.subject === subject && headerOf(found.header, SIGNATURE_HEADER) === signature;
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

/**
 * Delivers stored telemetry since a time or behind a sequence, then live. What no gpu-runner has signed, or is no JSON, is passed over and
 * reported; it does not stop the rest.
 */
export function followTelemetry(bus: Bus, options: FollowTelemetryOptions): Follower {
  const native = nativeOf(bus);
  const keyring = native.keyring();
  const deliver = async (message: StreamMessage, reason: string | undefined): Promise<void> => {
    const { streamSeq: seq, subject, storedAt, data } = message;
    const read = reason === undefined ? readJson(message) : { reason };
    if ('json' in read) await options.onMessage(read.json, { seq, subject, storedAt });
    else options.onQuarantined({ stream: 'telemetry', seq, subject, storedAt, reason: read.reason, bytes: data });
  };
  return followStream(native, {
    stream: STREAMS.telemetry,
    filters: typeof options.filter === 'string' ? [options.filter] : options.filter,
    start: options.afterSeq === undefined ? { time: options.sinceIso } : { seq: options.afterSeq + 1 },
    async onMessages(messages) {
      const reasons = await Promise.all(
        messages.map(({ message: { headers }, subject, storedAt, data: content }) => {
          const header = headerOf(headers, SIGNATURE_HEADER);
          return whyNotGenuineLater(keyring, [WRITER], DOMAIN, { subject, header, content, storedAt });
        }),
      );
      for (const [index, message] of messages.entries()) await deliver(message, reasons[index]).catch(options.onError);
    },
    onCaughtUp: options.onCaughtUp === undefined ? undefined : () => options.onCaughtUp?.(),
    onError: (error) => options.onError(error),
  });
}

function readJson({ data, streamSeq, subject }: StreamMessage): { json: unknown } | { reason: string } {
  try {
    return { json: parseJson(data, `message ${streamSeq} of ${subject}`) };
  } catch (error) {
    return { reason: messageOf(error) };
  }
}
