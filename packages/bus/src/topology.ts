import { ARTIFACT_STORE, BUCKETS, ConclaveError, messageOf, STREAMS, subjects } from '@conclave/contracts';
import { DiscardPolicy, millis, nanos, RetentionPolicy, StorageType, type StreamConfig } from 'nats';
import { HANDBACKS, HANDBACKS_TTL_MS } from './handbacks.ts';
import { kvStream } from './kv.ts';
import { asConclaveError, isUnanswered, JS_ERROR, jsErrorCode, type Native, nativeOf, pause } from './native.ts';
import type { Bus } from './ports/connection.ts';
import { SNAPSHOT_HISTORY } from './snapshots.ts';

const DAY_MS = 86_400_000;

export interface TopologyOptions {
  /** Copies of each stream: 1 on a single server, 3 in a cluster. */
  readonly replicas: number;
  /** Largest journal, bytes; a full journal refuses appends. Default -1: the disk. */
  readonly journalMaxBytes?: number | undefined;
  /** Milliseconds until an unrenewed lease expires. Default 10 000. */
  readonly leaseTtlMs?: number | undefined;
  /** Milliseconds until a silent runner, planner or executor is no member any more. Default 10 000. */
  readonly membershipTtlMs?: number | undefined;
  /** Milliseconds to wait for JetStream to accept the streams (a cluster elects its leaders first). Default 60 000. */
  readonly deadlineMs?: number | undefined;
}

/** Time a member or lease entry lives without renewal, unless the options say otherwise. */
export const ENTRY_TTL_MS = 10_000;

type Wanted = Partial<StreamConfig> & { name: string };

function wantedStreams(options: TopologyOptions): Wanted[] {
  const base = {
    storage: StorageType.File,
    num_replicas: options.replicas,
    allow_direct: true,
    duplicate_window: nanos(120_000),
  };
  const keep = { ...base, retention: RetentionPolicy.Limits };
  const bucket = (name: string, ttlMs: number, history = 1): Wanted => ({
    ...keep,
    name: kvStream(name),
    subjects: [`$KV.${name}.>`],
    max_msgs_per_subject: history,
    max_age: nanos(ttlMs),
    discard: DiscardPolicy.New,
    allow_rollup_hdrs: true,
    deny_delete: true,
    duplicate_window: nanos(ttlMs === 0 ? 120_000 : Math.min(ttlMs, 120_000)),
  });
  return [
    {
      ...keep,
      name: STREAMS.journal,
      description: 'the truth: one subject per aggregate',
      subjects: [subjects.journalAll],
      discard: DiscardPolicy.New,
      max_age: 0,
      max_bytes: options.journalMaxBytes ?? -1,
      max_msg_size: 600 * 1024,
      deny_delete: true,
      deny_purge: true,
    },
    {
      ...keep,
      name: STREAMS.inbox,
      description: 'what users and services submit',
      subjects: [subjects.handoff, subjects.incident, subjects.insight],
      discard: DiscardPolicy.Old,
      max_age: nanos(365 * DAY_MS),
    },
    {
      ...base,
      name: STREAMS.work,
      description: 'triggers of work; the journal says what the work is',
      subjects: ['conclave.work.>'],
      retention: RetentionPolicy.Workqueue,
      discard: DiscardPolicy.New,
    },
    {
      ...keep,
      name: STREAMS.telemetry,
      description: 'windows of measurements, 30 days',
      subjects: [subjects.telemetryAll],
      discard: DiscardPolicy.Old,
      max_age: nanos(30 * DAY_MS),
    },
    {
      ...keep,
      name: STREAMS.dlq,
      description: 'what was refused, with the reason',
      subjects: [subjects.dlqAll],
      discard: DiscardPolicy.Old,
    },
    bucket(BUCKETS.leases, options.leaseTtlMs ?? ENTRY_TTL_MS),
    bucket(BUCKETS.runners, options.membershipTtlMs ?? ENTRY_TTL_MS),
    bucket(BUCKETS.seats, options.membershipTtlMs ?? ENTRY_TTL_MS),
    bucket(BUCKETS.snapshots, 0, SNAPSHOT_HISTORY),
    bucket(HANDBACKS, HANDBACKS_TTL_MS),
    {
      ...keep,
      name: `OBJ_${ARTIFACT_STORE}`,
      subjects: [`$O.${ARTIFACT_STORE}.C.>`, `$O.${ARTIFACT_STORE}.M.>`],
      discard: DiscardPolicy.New,
      allow_rollup_hdrs: true,
    },
  ];
}

/**
 * Creates or updates every stream, bucket and the object store. Idempotent; any number of coordinators may run it at once.
 * @throws CVE_BUS_STREAM_MISMATCH when the server stores another configuration than asked; CVE_UNAUTHORIZED; CVE_BUS_UNAVAILABLE.
 */
export async function ensureTopology(bus: Bus, options: TopologyOptions): Promise<void> {
  const native = nativeOf(bus);
  const deadline = performance.now() + (options.deadlineMs ?? 60_000);
  for (const wanted of wantedStreams(options)) {
    const config = await retryUntil(
      deadline,
      native,
      () => ensureStream(native, wanted),
      `create stream ${wanted.name}`,
    );
    refuseMismatch(wanted, config);
  }
}

async function ensureStream(native: Native, wanted: Wanted): Promise<StreamConfig> {
  const { streams } = native.jsm;
  try {
    const present = await streams.info(wanted.name);
    if (differences(wanted, present.config).length === 0) return present.config;
    return (await streams.update(wanted.name, { ...wanted })).config;
  } catch (error) {
    if (jsErrorCode(error) !== JS_ERROR.streamNotFound) throw error;
    return (await streams.add({ ...wanted })).config;
  }
}

/** Settings whose stored value differs from the wanted one: older servers drop settings they do not know without a word. */
function differences(wanted: Wanted, stored: StreamConfig): string[] {
  return Object.entries(wanted)
    .filter(([key, value]) => JSON.stringify(Reflect.get(stored, key) ?? neutral(value)) !== JSON.stringify(value))
    .map(([key, value]) => `${key} is ${JSON.stringify(Reflect.get(stored, key))}, asked was ${JSON.stringify(value)}`);
}

/** What leaving a setting out means. */
function neutral(wanted: unknown): unknown {
  if (typeof wanted === 'number') return 0;
  return typeof wanted === 'boolean' ? false : '';
}

function refuseMismatch(wanted: Wanted, stored: StreamConfig): void {
  const wrong = differences(wanted, stored);
  if (wrong.length === 0) return;
  throw new ConclaveError(
    'CVE_BUS_STREAM_MISMATCH',
    `stream ${wanted.name} is not as asked: ${wrong.join('; ')}; use nats-server 2.10 or newer, or remove the stream if it is not Conclave's`,
  );
}

async function retryUntil<T>(deadline: number, native: Native, attempt: () => Promise<T>, doing: string): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const transient = isUnanswered(error) || TRANSIENT.has(jsErrorCode(error) ?? 0);
      if (!transient || performance.now() > deadline || native.nc.isClosed()) throw asConclaveError(error, doing);
      native.logger.info({ reason: messageOf(error) }, `waiting to ${doing}`);
      await pause(500);
    }
  }
}

/** No suitable peers, cluster not available, no leader yet, insufficient resources while a cluster forms. */
const TRANSIENT: ReadonlySet<number> = new Set([10005, 10008, 10009, 10074, 10028]);

/** Waits until the coordinator has created everything. Services that may not create streams call this before they start. */
export async function waitForTopology(
  bus: Bus,
  options: { signal?: AbortSignal; deadlineMs?: number } = {},
): Promise<void> {
  const native = nativeOf(bus);
  const deadline = performance.now() + (options.deadlineMs ?? Number.POSITIVE_INFINITY);
  for (const { name } of wantedStreams({ replicas: 1 })) {
    for (;;) {
      try {
        await native.jsm.streams.info(name);
        break;
      } catch (error) {
        const missing =
          isUnanswered(error) ||
          jsErrorCode(error) === JS_ERROR.streamNotFound ||
          TRANSIENT.has(jsErrorCode(error) ?? 0);
        if (!missing || native.nc.isClosed()) throw asConclaveError(error, `wait for stream ${name}`);
        if (options.signal?.aborted === true)
          throw new ConclaveError('CVE_CANCELLED', `stopped while waiting for stream ${name}`);
        if (performance.now() > deadline) {
          throw new ConclaveError(
            'CVE_BUS_UNAVAILABLE',
            `stream ${name} does not exist; start the coordinator, it creates the streams`,
          );
        }
        await pause(250, options.signal);
      }
    }
  }
}

/** Milliseconds an entry of a bucket lives, as the server has it. */
export async function bucketTtlMs(native: Native, bucket: string): Promise<number> {
  const info = await native.jsm.streams.info(kvStream(bucket));
  return millis(info.config.max_age);
}
