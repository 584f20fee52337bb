import { STREAMS } from '@conclave/contracts';
import { asConclaveError, headerRecord, nativeOf } from './native.ts';
import type { Bus } from './ports/connection.ts';

/** A message as it lies in its stream. */
export interface StoredMessage {
  readonly subject: string;
  readonly bytes: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** The message of the journal at a sequence, whether it counts or not. @throws CVE_BUS_UNAVAILABLE, CVE_UNAUTHORIZED */
export async function journalMessage(bus: Bus, seq: number): Promise<StoredMessage> {
  try {
    const { subject, data, header } = await nativeOf(bus).jsm.streams.getMessage(STREAMS.journal, { seq });
    return { subject, bytes: data, headers: headerRecord(header) };
  } catch (error) {
    throw asConclaveError(error, `read message ${seq} of ${STREAMS.journal}`);
  }
}
