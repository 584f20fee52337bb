import { BUCKETS, ConclaveError, canonicalJson, decodeToken, encodeToken } from '@conclave/contracts';
import { kvDelete, kvPut, kvStream, kvSubject } from './kv.ts';
import { asConclaveError, headerOf, nativeOf, parseJson } from './native.ts';
import type { Bus } from './ports/connection.ts';
import type { Membership, Stop } from './ports/projections.ts';
import type { StreamMessage } from './pull.ts';
import { eachMessage, followStream } from './reader.ts';
import { bucketTtlMs } from './topology.ts';

const PUT_DEADLINE_MS = 5000;
const SWEEP_MS = 250;

/** The runners that are there. Entries live as long as the bucket's ttl (10 s) unless they are put again. */
export function openMembership(bus: Bus): Membership {
  return membersOf(bus, { bucket: BUCKETS.runners, keyOf: encodeToken, idOf: decodeToken });
}

/**
 * What the services with agents say of their chairs; entries live as those of runners do. The key begins with the service's name, so that
 * NATS permissions let none speak for another. Ids read `planner/planner-0`.
 * @param service who puts and deletes; readers leave it out.
 */
export function openSeats(bus: Bus, service: SeatedService | undefined = undefined): Membership {
  const keyOf = (id: string): string => {
    if (service !== undefined) return `${service}.${encodeToken(id)}`;
    throw new ConclaveError(
      'CVE_REQUEST_INVALID',
      `seats were opened for reading, so ${id} cannot be put; name the service`,
    );
  };
  const idOf = (key: string): string => key.split('.').map(decodeToken).join('/');
  return membersOf(bus, { bucket: BUCKETS.seats, keyOf, idOf });
}

/** The services whose agents sit in chairs. */
export type SeatedService = 'planner' | 'executor';

interface Entries {
  readonly bucket: string;
  keyOf(id: string): string;
  /** @throws CVE_NAME_INVALID */
  idOf(key: string): string;
}

function membersOf(bus: Bus, entries: Entries): Membership {
  const { bucket, keyOf } = entries;
  const native = nativeOf(bus);
  return {
    async put(id, value) {
      const bytes = new TextEncoder().encode(JSON.stringify(value));
      await kvPut(native, bucket, keyOf(id), bytes, { deadlineMs: PUT_DEADLINE_MS }).catch((error: unknown) => {
        throw asConclaveError(error, `put member ${id}`);
      });
    },
    async delete(id) {
      await kvDelete(native, bucket, keyOf(id), { deadlineMs: PUT_DEADLINE_MS }).catch((error: unknown) => {
        throw asConclaveError(error, `delete member ${id}`);
      });
    },
    async watch(onChange) {
      return await watchMembers(bus, entries, onChange);
    },
    async all() {
      const members = Promise.withResolvers<Map<string, unknown>>();
      const stop = await watchMembers(bus, entries, (all) => members.resolve(new Map(all)));
      try {
        return await members.promise;
      } finally {
        await stop();
      }
    },
  };
}

interface Member {
  readonly value: unknown;
  /** `performance.now()` when it was last heard of. */
  readonly seenAt: number;
}

/** Resolves when the present members have been told. */
async function watchMembers(
  bus: Bus,
  { bucket, idOf }: Entries,
  onChange: (all: ReadonlyMap<string, unknown>) => void,
): Promise<Stop> {
  const native = nativeOf(bus);
  const ttlMs = await bucketTtlMs(native, bucket).catch((error: unknown) => {
    throw asConclaveError(error, 'watch the members');
  });
  const members = new Map<string, Member>();
  const first = Promise.withResolvers<void>();
  let told: string | undefined;
  let caughtUp = false;
  const tell = (): void => {
    if (!caughtUp) return;
    const all = new Map([...members].map(([id, member]) => [id, member.value]));
    const text = canonicalJson([...all].sort(([a], [b]) => (a < b ? -1 : 1)));
    if (text === told) return;
    told = text;
    onChange(all);
  };
  const note = (message: StreamMessage): void => {
    const id = idOf(message.subject.slice(kvSubject(bucket, '').length));
    if (headerOf(message.message.headers, 'KV-Operation') !== undefined) members.delete(id);
    else members.set(id, { value: parseJson(message.data, `member ${id}`), seenAt: performance.now() });
    tell();
  };
  const reader = followStream(native, {
    stream: kvStream(bucket),
    filters: [kvSubject(bucket, '>')],
    start: 'last-per-subject',
    onMessages: eachMessage((message) => {
      try {
        note(message);
      } catch (error) {
        native.logger.warn({ subject: message.subject, reason: String(error) }, 'a member entry is unreadable');
      }
    }),
    onCaughtUp: () => {
      caughtUp = true;
      tell();
      first.resolve();
    },
    onError: (error) => {
      native.logger.error({ reason: String(error) }, 'the members are not watched any more');
      first.reject(error);
    },
  });
  // The server's expiry makes no event: who has been silent for a ttl is gone.
  const sweep = setInterval(() => {
    for (const [id, member] of members) if (performance.now() - member.seenAt > ttlMs) members.delete(id);
    tell();
  }, SWEEP_MS);
  void native.nc.closed().then(() => clearInterval(sweep));
  const stop = async (): Promise<void> => {
    clearInterval(sweep);
    await reader.stop();
  };
  await first.promise.catch(async (error: unknown) => {
    await stop();
    throw asConclaveError(error, 'watch the members');
  });
  return stop;
}
