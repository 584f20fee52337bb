import { ConclaveError, type Writer } from '@conclave/contracts';
import type { Keyring } from './keyring.ts';
import { digestToSign, isGood, readClaim, type Signer, signatureHeader } from './signature.ts';

/*
 * Signatures of what has no place in an order: snapshots, windows of telemetry, entries of members. They cover the subject and the content;
 * whether a value that was once good is put there again, the content has to tell (by its time or its sequence).
 */

/** What is stored, with the header that should hold its signature. */
export interface SealedValue {
  readonly subject: string;
  readonly header: string | undefined;
  readonly content: Uint8Array;
  /** Time the server stored it, ISO 8601. */
  readonly storedAt: string;
}

/**
 * The value of the signature header.
 * @param domain kind of what is signed, e.g. `window`
 * @throws CVE_UNAUTHORIZED when this process has no key to sign as that writer with
 */
export function sealValue(
  signer: Signer | undefined,
  writer: Writer,
  domain: string,
  subject: string,
  content: Uint8Array,
): string {
  const own = signer?.keyOf(writer);
  if (own === undefined)
    throw new ConclaveError(
      'CVE_UNAUTHORIZED',
      `this process has no nkey to sign ${subject} with, which ${writer} writes; set CONCLAVE_NKEY_FILE to the nkey seed of ${writer}`,
    );
  return signatureHeader(own, digestToSign(domain, subject, [], content), []);
}

/** Undefined for what one of these writers has signed, else why it does not count. */
export function whyNotGenuine(
  keyring: Keyring,
  writers: readonly Writer[],
  domain: string,
  { subject, header, content, storedAt }: SealedValue,
): string | undefined {
  if (header === undefined) return 'it is not signed';
  const claim = readClaim(header, 0);
  if (claim === undefined) return 'its signature cannot be read';
  const key = keyring.find(claim.publicNkey, writers, storedAt);
  if (typeof key === 'string') return key;
  return isGood(claim, key, digestToSign(domain, subject, [], content)) ? undefined : 'its signature is not good';
}
