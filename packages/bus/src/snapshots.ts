/**
 * Snapshots.
 *
 * 1. A snapshot is a head, stored last, that names the sequences of its parts: whoever reads sees a whole snapshot, the new or the old.
 * 2. The head is signed, and names the digest of all parts: a snapshot that the coordinator did not write is passed over, like a broken one.
 * 3. All parts of a name are values of one key. The bucket keeps the last `SNAPSHOT_HISTORY` of them, several snapshots' worth, so that
 *    replicas may save at the same time and what nobody names any more goes away by itself.
 */
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { BUCKETS, ConclaveError, digest, encodeToken, messageOf, STREAMS, sha256 } from '@conclave/contracts';
import { z } from 'zod';
import { kvGet, kvPut, kvStream, kvSubject } from './kv.ts';
import { asConclaveError, isPermissionDenied, isUnanswered, type Native, nativeOf, parseJson } from './native.ts';
import type { Bus } from './ports/connection.ts';
import type { Snapshot, Snapshots } from './ports/journal.ts';
import type { Quarantined } from './ports/quarantined.ts';
import { refuseTooLarge } from './publish.ts';
import { SIGNATURE_HEADER } from './signing/signature.ts';
import { sealValue, whyNotGenuine } from './signing/value-seal.ts';

const pack = promisify(gzip);
const unpack = promisify(gunzip);

/** Version of the head; a higher one was written by a newer Conclave. */
const FORMAT = 2;
const PART_BYTES = 512 * 1024;
/** Largest compressed snapshot, bytes. */
const LIMIT_BYTES = 32 * PART_BYTES;
/** Values kept of each key. */
export const SNAPSHOT_HISTORY = 64;
const UNPACKED_LIMIT_BYTES = 256 * 1024 * 1024;
const SAVE_DEADLINE_MS = 5000;

const head = z.object({
  format: z.literal(FORMAT),
  seq: z.number().int().nonnegative(),
  foldVersion: z.number().int(),
  digest,
  parts: z.array(z.number().int().positive()),
});

const partKey = (name: string): string => `${encodeToken(name)}.part`;

export interface SnapshotsOptions {
  /** Told of a snapshot that nobody who may write one has signed. */
  onQuarantined?(message: Quarantined): void;
}

const DOMAIN = 'snapshot';
const WRITER = 'coordinator';

export function openSnapshots(bus: Bus, options: SnapshotsOptions = {}): Snapshots {
  const native = nativeOf(bus);
  return {
    async load(name) {
      try {
        return await load(native, name, options);
      } catch (error) {
        if (isUnanswered(error) || isPermissionDenied(error)) throw asConclaveError(error, `load snapshot ${name}`);
        native.logger.warn({ snapshot: name, reason: messageOf(error) }, 'snapshot ignored; the journal is replayed');
        return undefined;
      }
    },
    async save(name, { seq, foldVersion, state }) {
      const bytes = await pack(JSON.stringify(state));
      refuseTooLarge(`snapshot ${name}`, bytes.length, LIMIT_BYTES);
      const put = (key: string, value: Uint8Array): Promise<number> =>
        kvPut(native, BUCKETS.snapshots, key, value, { deadlineMs: SAVE_DEADLINE_MS });
      try {
        const parts: number[] = [];
        for (let at = 0; at < bytes.length; at += PART_BYTES)
          parts.push(await put(partKey(name), bytes.subarray(at, at + PART_BYTES)));
        const entry: z.infer<typeof head> = { format: FORMAT, seq, foldVersion, digest: sha256(bytes), parts };
        const value = new TextEncoder().encode(JSON.stringify(entry));
        const key = encodeToken(name);
        await kvPut(native, BUCKETS.snapshots, key, value, {
          deadlineMs: SAVE_DEADLINE_MS,
          headers: {
            [SIGNATURE_HEADER]: sealValue(native.signer, WRITER, DOMAIN, kvSubject(BUCKETS.snapshots, key), value),
          },
        });
      } catch (error) {
        throw asConclaveError(error, `save snapshot ${name}`);
      }
    },
  };
}

async function load(native: Native, name: string, { onQuarantined }: SnapshotsOptions): Promise<Snapshot | undefined> {
  const entry = await kvGet(native, BUCKETS.snapshots, encodeToken(name));
  if (entry?.value === undefined) return undefined;
  const subject = kvSubject(BUCKETS.snapshots, encodeToken(name));
  const { value: bytes, storedAt, revision: seq } = entry;
  const reason = whyNotGenuine(native.keyring(), [WRITER], DOMAIN, {
    subject,
    header: entry.header(SIGNATURE_HEADER),
    content: bytes,
    storedAt,
  });
  if (reason !== undefined) {
    onQuarantined?.({ stream: 'snapshots', seq, subject, storedAt, reason, bytes });
    throw new ConclaveError('CVE_UNAUTHORIZED', `snapshot ${name} at ${seq} does not count: ${reason}`);
  }
  return await loadParts(native, name, bytes);
}

async function loadParts(native: Native, name: string, headBytes: Uint8Array): Promise<Snapshot> {
  const { seq, foldVersion, digest: expected, parts } = head.parse(parseJson(headBytes, `snapshot ${name}`));
  const { state: journal } = await native.jsm.streams.info(STREAMS.journal);
  if (seq > journal.last_seq) {
    throw new ConclaveError(
      'CVE_JOURNAL_CORRUPT',
      `snapshot ${name} is at ${seq} but the journal ends at ${journal.last_seq}; it was truncated or replaced`,
    );
  }
  const chunks: Uint8Array[] = [];
  for (const part of parts)
    chunks.push((await native.jsm.streams.getMessage(kvStream(BUCKETS.snapshots), { seq: part })).data);
  const bytes = Buffer.concat(chunks);
  const found = sha256(bytes);
  if (found !== expected)
    throw new ConclaveError('CVE_ARTIFACT_DIGEST_MISMATCH', `snapshot ${name}: expected ${expected}, found ${found}`);
  const json = await unpack(bytes, { maxOutputLength: UNPACKED_LIMIT_BYTES });
  return { seq, foldVersion, state: parseJson(json, `snapshot ${name}`) };
}
