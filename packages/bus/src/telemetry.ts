import { STREAMS } from '@conclave/contracts';
import { nativeOf, parseJson } from './native.ts';
import type { Bus } from './ports/connection.ts';
import type { Follower } from './ports/journal.ts';
import type { FollowTelemetryOptions } from './ports/projections.ts';
import { refuseTooLarge, storeOrFail } from './publish.ts';
import { eachMessage, followStream } from './reader.ts';

const PUBLISH_DEADLINE_MS = 30_000;

function encode(subject: string, body: unknown): Uint8Array {
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  refuseTooLarge(subject, bytes.length);
  return bytes;
}

/** Stores a window or heartbeat. @throws CVE_MESSAGE_TOO_LARGE over 64 KB; CVE_BUS_UNAVAILABLE after 30 s; CVE_UNAUTHORIZED */
export async function publishTelemetry(
  bus: Bus,
  subject: string,
  body: unknown,
  options: { msgId?: string } = {},
): Promise<void> {
  await storeOrFail(nativeOf(bus), subject, encode(subject, body), { ...options, deadlineMs: PUBLISH_DEADLINE_MS });
}

/** Submits a document. @throws CVE_MESSAGE_TOO_LARGE over 64 KB; CVE_BUS_UNAVAILABLE after 30 s; CVE_UNAUTHORIZED */
export async function publishInbox(
  bus: Bus,
  subject: string,
  body: unknown,
  options: { msgId?: string | undefined; headers?: Readonly<Record<string, string>> | undefined } = {},
): Promise<{ seq: number; duplicate: boolean }> {
  return await storeOrFail(nativeOf(bus), subject, encode(subject, body), {
    ...options,
    deadlineMs: PUBLISH_DEADLINE_MS,
  });
}

/** Delivers stored telemetry since a time, then live. One bad message is reported and does not stop the rest. */
export function followTelemetry(bus: Bus, options: FollowTelemetryOptions): Follower {
  return followStream(nativeOf(bus), {
    stream: STREAMS.telemetry,
    filters: typeof options.filter === 'string' ? [options.filter] : options.filter,
    start: { time: options.sinceIso },
    onMessages: eachMessage(async (message) => {
      const { streamSeq: seq, subject, storedAt } = message;
      try {
        await options.onMessage(parseJson(message.data, `message ${seq} of ${subject}`), { seq, subject, storedAt });
      } catch (error) {
        options.onError(error);
      }
    }),
    onCaughtUp: options.onCaughtUp === undefined ? undefined : () => options.onCaughtUp?.(),
    onError: (error) => options.onError(error),
  });
}
