import { randomUUID } from 'node:crypto';
import type { Writer } from '@conclave/contracts';
import { headerOf, type Native } from './native.ts';
import type { StreamMessage } from './pull.ts';
import type { Keyring } from './signing/keyring.ts';
import { readClaim, SIGNATURE_HEADER } from './signing/signature.ts';
import { sealValue, whyNotGenuine } from './signing/value-seal.ts';

/*
 * Signatures of members' entries. Beside subject and content they cover who put it (a name for the writing process), when, and whether it
 * puts or deletes:
 * 1. The times of one process only go forward, whatever its clock does; an entry that is not later than the last one heard of that process
 *    was stored again by somebody.
 * 2. What was signed more than `CLOCKS_DIFFER_MS` before or after it was stored does not count. So nothing older has to be remembered, and
 *    who begins to watch cannot be told of a member that went long ago.
 */
const DOMAIN = 'member';
const FIELDS = 3;
/** By so much the clocks of writers and of the server may differ, in milliseconds. */
const CLOCKS_DIFFER_MS = 600_000;

export type Operation = 'put' | 'delete';

/** Seals the entries that one process puts. */
export class MemberSealer {
  readonly #native: Native;
  readonly #process: string = randomUUID();
  readonly #now: () => number;
  #last = 0;

  /** @param now milliseconds since the epoch; default `Date.now` */
  constructor(native: Native, now: () => number = Date.now) {
    this.#native = native;
    this.#now = now;
  }

  /** Headers of an entry. @throws CVE_UNAUTHORIZED when this process has no key to sign as that writer with */
  headers(writer: Writer, subject: string, operation: Operation, content: Uint8Array): Record<string, string> {
    this.#last = Math.max(this.#now(), this.#last + 1);
    const fields = [this.#process, String(this.#last), operation];
    return { [SIGNATURE_HEADER]: sealValue(this.#native.signer, writer, DOMAIN, subject, content, fields) };
  }
}

/** Tells the entries that count from those that do not; all entries of a bucket go through one of these, in order. */
export class MemberReader {
  readonly #keyring: Keyring;
  /** By subject and process: the time signed last, and when that was stored. */
  readonly #last = new Map<string, { readonly atMs: number; readonly storedMs: number }>();

  /** @throws CVE_ENVIRONMENT_INVALID without a keyring */
  constructor(native: Native) {
    this.#keyring = native.keyring();
  }

  /** Undefined for an entry that counts, else why it does not. */
  refuse(message: StreamMessage, writers: readonly Writer[]): string | undefined {
    const { subject, data: content, storedAt } = message;
    const { headers } = message.message;
    const header = headerOf(headers, SIGNATURE_HEADER);
    const sealed = { subject, header, content, storedAt, fieldCount: FIELDS };
    const reason = whyNotGenuine(this.#keyring, writers, DOMAIN, sealed);
    if (reason !== undefined) return reason;
    const [process = '', at = '', operation] = readClaim(header, FIELDS)?.fields ?? [];
    if (operation !== operationOf(message)) return `it was signed to ${operation} the member`;
    return this.#refuseTime(`${subject} ${process}`, Number(at), Date.parse(storedAt));
  }

  #refuseTime(writer: string, atMs: number, storedMs: number): string | undefined {
    if (!(Math.abs(storedMs - atMs) <= CLOCKS_DIFFER_MS))
      return `it was signed at ${timeOf(atMs)} and stored at ${timeOf(storedMs)}; if it was not stored again, the clock of its writer or of the server is wrong`;
    const last = this.#last.get(writer);
    if (last !== undefined && atMs <= last.atMs) return 'it was stored before, or a later one was';
    this.#last.set(writer, { atMs, storedMs });
    for (const [each, { storedMs: itsMs }] of this.#last)
      if (storedMs - itsMs > 2 * CLOCKS_DIFFER_MS) this.#last.delete(each);
    return undefined;
  }
}

export function operationOf({ message }: StreamMessage): Operation {
  return headerOf(message.headers, 'KV-Operation') === undefined ? 'put' : 'delete';
}

function timeOf(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? String(ms) : date.toISOString();
}
