import { randomUUID } from 'node:crypto';
import {
  BUCKETS,
  ConclaveError,
  canonicalJson,
  decodeToken,
  encodeToken,
  messageOf,
  type Writer,
} from '@conclave/contracts';
import { kvDelete, kvPut, kvStream, kvSubject } from './kv.ts';
import { MemberReader, MemberSealer, type Operation, operationOf } from './member-seal.ts';
import { asConclaveError, nativeOf, parseJson } from './native.ts';
import type { Bus } from './ports/connection.ts';
import type { Membership, Stop } from './ports/projections.ts';
import type { Quarantined } from './ports/quarantined.ts';
import type { StreamMessage } from './pull.ts';
import { eachMessage, followStream } from './reader.ts';
import { bucketTtlMs } from './topology.ts';

const PUT_DEADLINE_MS = 5000;
const SWEEP_MS = 250;

export interface MembershipOptions {
  /** Told of each entry that nobody who may put it has signed, or that was stored again. Everybody passes over it. Default: a warning. */
  onQuarantined?(message: Quarantined): void;
}

/** The runners that are there. Entries live as long as the bucket's ttl (10 s) unless they are put again. */
export function openMembership(bus: Bus, options: MembershipOptions = {}): Membership {
  const entries: Entries = {
    stream: 'runners',
    bucket: BUCKETS.runners,
    keyOf: encodeToken,
    idOf: decodeToken,
    writersOf: () => ['gpu-runner'],
  };
  return membersOf(bus, entries, options);
}

/**
 * What the services with agents say of their chairs; entries live as those of runners do. The key begins with the service's name, so that
 * NATS permissions and signatures let none speak for another. Ids read `planner/planner-0`.
 * @param service who puts and deletes; readers leave it out.
 */
export function openSeats(
  bus: Bus,
  service: SeatedService | undefined = undefined,
  options: MembershipOptions = {},
): Membership {
  const keyOf = (id: string): string => {
    if (service !== undefined) return `${service}.${encodeToken(id)}`;
    throw new ConclaveError(
      'CVE_REQUEST_INVALID',
      `seats were opened for reading, so ${id} cannot be put; name the service`,
    );
  };
  const entries: Entries = {
    stream: 'seats',
    bucket: BUCKETS.seats,
    keyOf,
    idOf: (key) => key.split('.').map(decodeToken).join('/'),
    writersOf: (key) => SEATED.filter((each) => key.startsWith(`${each}.`)),
  };
  return membersOf(bus, entries, options);
}

const SEATED = ['planner', 'executor'] as const;
/** The services whose agents sit in chairs. */
export type SeatedService = (typeof SEATED)[number];

interface Entries {
  readonly stream: Quarantined['stream'];
  readonly bucket: string;
  keyOf(id: string): string;
  /** @throws CVE_NAME_INVALID */
  idOf(key: string): string;
  /** Who may put that key. */
  writersOf(key: string): readonly Writer[];
}

function membersOf(bus: Bus, entries: Entries, options: MembershipOptions): Membership {
  const { bucket, keyOf, writersOf } = entries;
  const native = nativeOf(bus);
  const sealer = new MemberSealer(native);
  const sealed = (key: string, operation: Operation, content: Uint8Array) => {
    const [writer] = writersOf(key);
    if (writer === undefined) throw new ConclaveError('CVE_REQUEST_INVALID', `nobody puts ${key} into ${bucket}`);
    const headers = sealer.headers(writer, kvSubject(bucket, key), operation, content);
    // With an id an entry that is sent again is stored once: twice would look as if somebody else had.
    return { headers, msgId: randomUUID(), deadlineMs: PUT_DEADLINE_MS };
  };
  return {
    async put(id, value) {
      const bytes = new TextEncoder().encode(JSON.stringify(value));
      const key = keyOf(id);
      await kvPut(native, bucket, key, bytes, sealed(key, 'put', bytes)).catch((error: unknown) => {
        throw asConclaveError(error, `put member ${id}`);
      });
    },
    async delete(id) {
      const key = keyOf(id);
      await kvDelete(native, bucket, key, sealed(key, 'delete', new Uint8Array())).catch((error: unknown) => {
        throw asConclaveError(error, `delete member ${id}`);
      });
    },
    async watch(onChange) {
      return await watchMembers(bus, entries, options, onChange);
    },
    async all() {
      const members = Promise.withResolvers<Map<string, unknown>>();
      const stop = await watchMembers(bus, entries, options, (all) => members.resolve(new Map(all)));
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
  { stream, bucket, idOf, writersOf }: Entries,
  { onQuarantined }: MembershipOptions,
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
  const order = new MemberReader(native);
  const passOver = ({ streamSeq: seq, subject, storedAt, data: bytes }: StreamMessage, reason: string): void => {
    if (onQuarantined === undefined)
      native.logger.warn({ subject, seq, reason }, 'a member entry does not count and is passed over');
    else onQuarantined({ stream, seq, subject, storedAt, reason, bytes });
  };
  const note = (message: StreamMessage): void => {
    const key = message.subject.slice(kvSubject(bucket, '').length);
    const reason = order.refuse(message, writersOf(key));
    if (reason !== undefined) {
      passOver(message, reason);
      return;
    }
    const id = idOf(key);
    if (operationOf(message) === 'delete') members.delete(id);
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
        passOver(message, messageOf(error));
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
