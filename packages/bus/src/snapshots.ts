import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { BUCKETS, encodeToken, messageOf } from '@conclave/contracts';
import { z } from 'zod';
import { kvGet, kvPut } from './kv.ts';
import { asConclaveError, nativeOf, parseJson } from './native.ts';
import type { Bus } from './ports/connection.ts';
import type { Snapshots } from './ports/journal.ts';
import { refuseTooLarge } from './publish.ts';

const pack = promisify(gzip);
const unpack = promisify(gunzip);

/** Version of the envelope; a higher one was written by a newer Conclave. */
const FORMAT = 1;
/** Largest compressed snapshot, bytes: what fits into one message of a server with default limits. */
const LIMIT_BYTES = 1000 * 1024;
const UNPACKED_LIMIT_BYTES = 256 * 1024 * 1024;
const SAVE_DEADLINE_MS = 5000;

const envelope = z.object({
  format: z.literal(FORMAT),
  seq: z.number().int().nonnegative(),
  foldVersion: z.number().int(),
  state: z.unknown(),
});

export function openSnapshots(bus: Bus): Snapshots {
  const native = nativeOf(bus);
  return {
    async load(name) {
      const entry = await kvGet(native, BUCKETS.snapshots, encodeToken(name)).catch((error: unknown) => {
        throw asConclaveError(error, `load snapshot ${name}`);
      });
      if (entry?.value === undefined) return undefined;
      try {
        const json = await unpack(entry.value, { maxOutputLength: UNPACKED_LIMIT_BYTES });
        const { seq, foldVersion, state } = envelope.parse(parseJson(json, `snapshot ${name}`));
        return { seq, foldVersion, state };
      } catch (error) {
        native.logger.warn({ snapshot: name, reason: messageOf(error) }, 'snapshot ignored; the journal is replayed');
        return undefined;
      }
    },
    async save(name, snapshot) {
      const bytes = await pack(JSON.stringify({ format: FORMAT, ...snapshot }));
      refuseTooLarge(`snapshot ${name}`, bytes.length, LIMIT_BYTES);
      await kvPut(native, BUCKETS.snapshots, encodeToken(name), bytes, { deadlineMs: SAVE_DEADLINE_MS }).catch(
        (error: unknown) => {
          throw asConclaveError(error, `save snapshot ${name}`);
        },
      );
    },
  };
}
