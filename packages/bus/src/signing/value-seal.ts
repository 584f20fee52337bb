import type { KeyObject } from 'node:crypto';
import { ConclaveError, type Writer } from '@conclave/contracts';
import type { Keyring } from './keyring.ts';
import { type Claim, digestToSign, isGood, isGoodLater, readClaim, type Signer, signatureHeader } from './signature.ts';

/*
 * Signatures of what has no place in an order: snapshots, windows of telemetry, entries of members. They cover the subject, the content and
 * the fields that its domain adds; whether a value that was once good is put there again, these have to tell (by a time or a sequence).
 */

/** What is stored, with the header that should hold its signature. */
export interface SealedValue {
  readonly subject: string;
  readonly header: string | undefined;
  readonly content: Uint8Array;
  /** Time the server stored it, ISO 8601. */
  readonly storedAt: string;
  /** How many fields its domain adds. Default 0. */
  readonly fieldCount?: number;
}

const NOT_GOOD = 'its signature is not good';

/**
 * The value of the signature header.
 * @param domain kind of what is signed, e.g. `window`
 * @param fields what the domain adds; none has a space
 * @throws CVE_UNAUTHORIZED when this process has no key to sign as that writer with
 */
export function sealValue(
  signer: Signer | undefined,
  writer: Writer,
  domain: string,
  subject: string,
  content: Uint8Array,
  fields: readonly string[] = [],
): string {
  const own = signer?.keyOf(writer);
  if (own === undefined)
    throw new ConclaveError(
      'CVE_UNAUTHORIZED',
      `this process has no nkey to sign ${subject} with, which ${writer} writes; set CONCLAVE_NKEY_FILE to the nkey seed of ${writer}`,
    );
  return signatureHeader(own, digestToSign(domain, subject, fields, content), fields);
}

/** Undefined for what one of these writers has signed, else why it does not count. */
export function whyNotGenuine(
  keyring: Keyring,
  writers: readonly Writer[],
  domain: string,
  value: SealedValue,
): string | undefined {
  const claimed = claimOf(keyring, writers, domain, value);
  if (typeof claimed === 'string') return claimed;
  return isGood(claimed.claim, claimed.key, claimed.digest) ? undefined : NOT_GOOD;
}

/** The same in the thread pool, for many at a time. */
export async function whyNotGenuineLater(
  keyring: Keyring,
  writers: readonly Writer[],
  domain: string,
  value: SealedValue,
): Promise<string | undefined> {
  const claimed = claimOf(keyring, writers, domain, value);
  if (typeof claimed === 'string') return claimed;
  return (await isGoodLater(claimed.claim, claimed.key, claimed.digest)) ? undefined : NOT_GOOD;
}

function claimOf(
  keyring: Keyring,
  writers: readonly Writer[],
  domain: string,
  { subject, header, content, storedAt, fieldCount = 0 }: SealedValue,
): { claim: Claim; key: KeyObject; digest: Buffer } | string {
  if (header === undefined) return 'it is not signed';
  const claim = readClaim(header, fieldCount);
  if (claim === undefined) return 'its signature cannot be read';
  const key = keyring.find(claim.publicNkey, writers, storedAt);
  return typeof key === 'string' ? key : { claim, key, digest: digestToSign(domain, subject, claim.fields, content) };
}
