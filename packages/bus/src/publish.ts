import { ConclaveError, MESSAGE_LIMIT_BYTES } from '@conclave/contracts';
import { ErrorCode, NatsError, type PubAck } from 'nats';
import { asConclaveError, isUnanswered, JS_ERROR, jsErrorCode, type Native, pause, toNatsHeaders } from './native.ts';

const ATTEMPT_MS = 5000;
const RETRY_MS = 250;
const RECONNECT_POLL_MS = 50;

export interface StoreOptions {
  /** The server stores the same id once within two minutes. */
  readonly msgId?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly expectedSubjectSeq?: number | undefined;
  readonly deadlineMs: number;
}

/** No answer came in time: stored or not, nobody knows. */
export class OutcomeUnknown extends Error {}

/**
 * Publishes to a stream and waits for its acknowledgement. While the outcome is unknown it tries again with the same message id.
 * @throws OutcomeUnknown after `deadlineMs`; NatsError when the server refuses.
 */
export async function store(
  native: Native,
  subject: string,
  payload: Uint8Array,
  options: StoreOptions,
): Promise<PubAck> {
  const deadline = performance.now() + options.deadlineMs;
  for (;;) {
    while (!native.isConnected() && !native.nc.isClosed() && performance.now() < deadline)
      await pause(RECONNECT_POLL_MS);
    try {
      return await attempt(native, subject, payload, options, deadline - performance.now());
    } catch (error) {
      if (!isUnanswered(error) && jsErrorCode(error) !== JS_ERROR.duplicateInFlight) throw error;
      if (performance.now() + RETRY_MS >= deadline || native.nc.isClosed()) {
        throw new OutcomeUnknown(`no acknowledgement in ${options.deadlineMs} ms`, { cause: error });
      }
      await pause(RETRY_MS);
    }
  }
}

/** One publish. A broken connection ends it at once: its answer will never come. */
async function attempt(
  native: Native,
  subject: string,
  payload: Uint8Array,
  options: StoreOptions,
  leftMs: number,
): Promise<PubAck> {
  const lost = Promise.withResolvers<never>();
  const onDisconnect = (): void => lost.reject(new NatsError('disconnected', ErrorCode.Disconnect));
  native.onDisconnect.add(onDisconnect);
  try {
    const publishing = native.js.publish(subject, payload, {
      timeout: Math.max(100, Math.min(ATTEMPT_MS, leftMs)),
      ...(options.msgId === undefined ? {} : { msgID: options.msgId }),
      ...(options.headers === undefined ? {} : { headers: toNatsHeaders(options.headers) }),
      ...(options.expectedSubjectSeq === undefined
        ? {}
        : { expect: { lastSubjectSequence: options.expectedSubjectSeq } }),
    });
    return await Promise.race([publishing, lost.promise]);
  } finally {
    native.onDisconnect.delete(onDisconnect);
  }
}

/** `store` for callers that want a ConclaveError. @throws CVE_BUS_UNAVAILABLE, CVE_UNAUTHORIZED, CVE_MESSAGE_TOO_LARGE */
export async function storeOrFail(
  native: Native,
  subject: string,
  payload: Uint8Array,
  options: StoreOptions,
): Promise<{ seq: number; duplicate: boolean }> {
  try {
    const { seq, duplicate } = await store(native, subject, payload, options);
    return { seq, duplicate };
  } catch (error) {
    throw asConclaveError(error, `publish ${subject}`);
  }
}

/** @throws CVE_MESSAGE_TOO_LARGE */
export function refuseTooLarge(subject: string, bytes: number, limit = MESSAGE_LIMIT_BYTES): void {
  if (bytes <= limit) return;
  throw new ConclaveError(
    'CVE_MESSAGE_TOO_LARGE',
    `a message for ${subject} is ${bytes} bytes, the limit is ${limit}; store large content as an artifact and send its digest`,
  );
}
