import {
  type Aggregate,
  type AggregateKind,
  aggregateOf,
  type CommitBody,
  ConclaveError,
  commitBody,
  messageOf,
  type RawEvent,
  WRITER_OF,
} from '@conclave/contracts';
import { headerOf, parseJson } from '../native.ts';
import type { StreamMessage } from '../pull.ts';
import type { Keyring } from '../signing/keyring.ts';
import {
  type Claim,
  digestToSign,
  readClaim,
  SIGNATURE_HEADER,
  type Signer,
  type SigningKey,
  signatureHeader,
} from '../signing/signature.ts';

/*
 * A commit's signature covers, besides subject and content:
 * - the sequence that it expects (or `any`),
 * - the last sequence of the journal that its writer had heard of, which bounds how late it may be stored (admission.ts),
 * - the digest of the commit before it, where its writer knew that: who has checked a signature has checked what it stands on, so that a
 *   long journal needs a signature checked for each aggregate and not for each commit. `-` where it did not.
 */
const DOMAIN = 'commit';
const FIELDS = 3;
const UNKNOWN = '-';

export interface ToSeal {
  readonly subject: string;
  readonly expectedSeq: number | 'any';
  readonly readSeq: number;
  /** Digest of the commit at `expectedSeq`. */
  readonly predecessor: string | undefined;
  readonly payload: Uint8Array;
}

/**
 * The key that this process signs commits of a kind with.
 * @throws CVE_UNAUTHORIZED when it has none, or when nobody would count now what it signs
 */
export function ownKeyFor(signer: Signer | undefined, keyring: Keyring, kind: AggregateKind): SigningKey {
  const writer = WRITER_OF[kind];
  const own = signer?.keyOf(writer);
  if (own === undefined)
    throw new ConclaveError(
      'CVE_UNAUTHORIZED',
      `this process has no nkey to sign ${kind} with, which ${writer} writes; set CONCLAVE_NKEY_FILE to the nkey seed of ${writer}`,
    );
  const found = keyring.find(own.publicNkey, [writer], new Date().toISOString());
  if (typeof found !== 'string') return own;
  throw new ConclaveError(
    'CVE_UNAUTHORIZED',
    `nobody counts what this process writes of ${kind}: ${found}; give it a key that the keyring has for ${writer} (CONCLAVE_NKEY_FILE, CONCLAVE_KEYRING_FILE)`,
  );
}

export function sealCommit(own: SigningKey, commit: ToSeal): { header: string; digest: string } {
  const fields = [String(commit.expectedSeq), String(commit.readSeq), commit.predecessor ?? UNKNOWN];
  const digest = digestToSign(DOMAIN, commit.subject, fields, commit.payload);
  return { header: signatureHeader(own, digest, fields), digest: digest.toString('base64url') };
}

/** A message of the journal that says of itself that it is a commit; its signature is not checked yet. */
export interface SealedCommit {
  readonly message: StreamMessage;
  readonly aggregate: Aggregate;
  readonly claim: Claim;
  readonly digest: Buffer;
  readonly digestText: string;
  readonly expectedSeq: number | 'any';
  readonly readSeq: number;
  readonly predecessor: string | undefined;
}

const NUMBER = /^(0|[1-9]\d{0,15})$/;

/** What the message says of itself; a string says why it is no commit. */
export function readSeal(message: StreamMessage): SealedCommit | string {
  const aggregate = aggregateNamed(message.subject);
  if (aggregate === undefined) return 'its subject is that of no aggregate';
  const header = headerOf(message.message.headers, SIGNATURE_HEADER);
  if (header === undefined) return 'it is not signed';
  const claim = readClaim(header, FIELDS);
  const [expected = '', read = '', predecessor = ''] = claim?.fields ?? [];
  if (claim === undefined || !(expected === 'any' || NUMBER.test(expected)) || !NUMBER.test(read))
    return 'its signature cannot be read';
  const digest = digestToSign(DOMAIN, message.subject, claim.fields, message.data);
  return {
    message,
    aggregate,
    claim,
    digest,
    digestText: digest.toString('base64url'),
    expectedSeq: expected === 'any' ? expected : Number(expected),
    readSeq: Number(read),
    predecessor: predecessor === UNKNOWN ? undefined : predecessor,
  };
}

/** The content; a string says why it is no commit. */
export function readBody(message: StreamMessage): (CommitBody & { events: readonly RawEvent[] }) | string {
  try {
    return commitBody.parse(parseJson(message.data, 'it'));
  } catch (error) {
    return `its content is no commit: ${messageOf(error)}`;
  }
}

export function aggregateNamed(subject: string): Aggregate | undefined {
  try {
    return aggregateOf(subject);
  } catch {
    return undefined;
  }
}
