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
} as const;

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

/** Keeps what was refused, with the reason. Twice is once. @throws CVE_BUS_UNAVAILABLE, CVE_UNAUTHORIZED */
export async function deadLetter(bus: Bus, refused: Refused): Promise<void> {
  const { subject, bytes, reason, by } = refused;
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(refused.headers ?? {})) {
    // The server acts on Nats-* headers (deduplication, expectations): these were meant for the original stream.
    if (name.toLowerCase() === 'nats-msg-id') headers[HEADER.msgId] = value;
    else if (!name.toLowerCase().startsWith('nats-')) headers[name] = value;
  }
  headers[HEADER.reason] = reason.message.slice(0, 2000);
  headers[HEADER.code] = isConclaveError(reason) ? reason.code : reason.name;
  headers[HEADER.by] = by;
  headers[HEADER.at] = new Date().toISOString();
  headers[HEADER.subject] = subject;
  await storeOrFail(nativeOf(bus), subjects.dlq(subject), bytes, {
    msgId: `${subject}|${refused.key ?? sha256(bytes)}`,
    headers,
    deadlineMs: 30_000,
  });
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
