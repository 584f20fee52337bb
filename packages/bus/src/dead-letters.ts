import { type ConclaveError, isConclaveError, STREAMS, sha256, subjects } from '@conclave/contracts';
import { asConclaveError, headerRecord, nativeOf } from './native.ts';
import type { Bus } from './ports/connection.ts';
import type { DeadLetter } from './ports/work.ts';
import { storeOrFail } from './publish.ts';
import type { StreamMessage } from './pull.ts';
import { readRange } from './reader.ts';

const HEADER = {
  reason: 'Conclave-Reason',
  code: 'Conclave-Code',
  by: 'Conclave-By',
  at: 'Conclave-At',
  subject: 'Conclave-Original-Subject',
  msgId: 'Conclave-Original-Msg-Id',
  /** Stream and sequence, e.g. `CONCLAVE_INBOX.17`. */
  message: 'Conclave-Original-Message',
  /** Only where the dead letter holds the beginning alone: how many bytes there were. */
  bytes: 'Conclave-Original-Bytes',
} as const;

/** Room for the headers above, bytes. */
const OWN_HEADER_BYTES = 16 * 1024;
/** Most that the server stores of headers, bytes: its own bound, which has nothing to do with a message's. */
const HEADER_LIMIT_BYTES = 64 * 1024;

export interface Refused {
  readonly subject: string;
  /** The original bytes, kept as they are. */
  readonly bytes: Uint8Array;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly reason: ConclaveError | Error;
  /** The instance that refused it. */
  readonly by: string;
  /** What makes this message itself again, e.g. `CONCLAVE_WORK.17`; default: its content. The same message twice is one dead letter. */
  readonly key?: string | undefined;
}

/**
 * Keeps what was refused, with the reason. Twice is once. Where the reason does not fit beside the original headers or bytes (a message
 * may be as large as the server goes), headers are left out, then the end: better a cut letter, which names the message in its stream, than
 * work that comes back for ever.
 * @throws CVE_BUS_UNAVAILABLE, CVE_UNAUTHORIZED
 */
export async function deadLetter(bus: Bus, refused: Refused): Promise<void> {
  const { subject, reason, by } = refused;
  const native = nativeOf(bus);
  const room = (native.nc.info?.max_payload ?? refused.bytes.length) - OWN_HEADER_BYTES;
  const bytes = refused.bytes.subarray(0, room);
  const original = originalHeaders(refused.headers);
  const roomForHeaders = Math.min(room - bytes.length, HEADER_LIMIT_BYTES - OWN_HEADER_BYTES);
  const headers = sizeOf(original) <= roomForHeaders ? original : {};
  if (refused.key !== undefined) headers[HEADER.message] = refused.key;
  if (bytes.length < refused.bytes.length) headers[HEADER.bytes] = String(refused.bytes.length);
  headers[HEADER.reason] = reason.message.slice(0, 2000);
  headers[HEADER.code] = isConclaveError(reason) ? reason.code : reason.name;
  headers[HEADER.by] = by;
  headers[HEADER.at] = new Date().toISOString();
  headers[HEADER.subject] = subject;
  await storeOrFail(native, subjects.dlq(subject), bytes, {
    msgId: `${subject}|${refused.key ?? sha256(refused.bytes)}`,
    headers,
    deadlineMs: 30_000,
  });
}

/** The server acts on Nats-* headers (deduplication, expectations): these were meant for the original stream. */
function originalHeaders(given: Readonly<Record<string, string>> = {}): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    if (name.toLowerCase() === 'nats-msg-id') headers[HEADER.msgId] = value;
    else if (!name.toLowerCase().startsWith('nats-')) headers[name] = value;
  }
  return headers;
}

/** What headers take on the wire, at most. */
function sizeOf(headers: Readonly<Record<string, string>>): number {
  return Buffer.byteLength(JSON.stringify(headers));
}

/** @param options.limit how many at most. Newest first. @throws CVE_BUS_UNAVAILABLE, CVE_UNAUTHORIZED */
export async function listDeadLetters(bus: Bus, options: { limit: number }): Promise<DeadLetter[]> {
  const native = nativeOf(bus);
  const { state } = await native.jsm.streams.info(STREAMS.dlq).catch((error: unknown) => {
    throw asConclaveError(error, 'read the dead letters');
  });
  if (state.messages === 0) return [];
  const seq = Math.max(state.first_seq, state.last_seq - options.limit + 1);
  const messages = await readRange(native, { stream: STREAMS.dlq, filters: [], start: { seq }, until: state.last_seq });
  return messages.map(toDeadLetter).reverse().slice(0, options.limit);
}

function toDeadLetter(message: StreamMessage): DeadLetter {
  const headers = headerRecord(message.message.headers);
  return {
    seq: message.streamSeq,
    subject: message.subject,
    originalSubject: headers[HEADER.subject] ?? '',
    code: headers[HEADER.code] ?? '',
    reason: headers[HEADER.reason] ?? '',
    by: headers[HEADER.by] ?? '',
    at: headers[HEADER.at] ?? message.storedAt,
    headers,
    bytes: message.data,
  };
}
