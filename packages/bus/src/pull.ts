import { createInbox, type Msg, NatsError } from 'nats';
import type { Native } from './native.ts';

/** A delivered stream message, with what its reply subject tells. */
export interface StreamMessage {
  readonly message: Msg;
  readonly subject: string;
  readonly data: Uint8Array;
  readonly streamSeq: number;
  /** Position in this consumer's deliveries: a hole means a lost message. */
  readonly consumerSeq: number;
  readonly deliveryCount: number;
  /** Messages that the consumer has yet to deliver. */
  readonly pending: number;
  /** ISO 8601. */
  readonly storedAt: string;
}

export interface PullRequest {
  readonly stream: string;
  readonly consumer: string;
  readonly batch: number;
  readonly expiresMs: number;
  readonly heartbeatMs: number;
  onMessage(message: StreamMessage): void;
  /** Any sign of life of the server: a message, an idle heartbeat, an ordinary end. */
  onActivity(): void;
  /** An idle heartbeat: the server has had nothing to deliver for `heartbeatMs`. */
  onIdle?(): void;
}

/** The server ended a pull, or went silent: the consumer has to be looked up or made again. */
export class PullInterrupted extends Error {}

export interface Pull {
  /** Resolves when the batch is full or the request has expired. @throws PullInterrupted; NatsError when the subscription is refused. */
  readonly ended: Promise<void>;
  /** Ends it; messages already under way are still handed to `onMessage` before this resolves. */
  cancel(): Promise<void>;
}

/**
 * One pull request. It watches the idle heartbeats, so that a dead server, a lost consumer leader or a deleted consumer is noticed
 * within three heartbeats and not after the whole expiry (measured: the library's consume() stalled 40 s after a step-down).
 */
export function startPull(native: Native, request: PullRequest): Pull {
  const { nc } = native;
  const ended = Promise.withResolvers<void>();
  const inbox = createInbox(native.inboxPrefix);
  let received = 0;
  let over = false;
  let watchdog: NodeJS.Timeout | undefined;
  const finish = (error?: Error): void => {
    if (over) return;
    over = true;
    clearTimeout(watchdog);
    native.onDisconnect.delete(disconnected);
    if (error === undefined) ended.resolve();
    else ended.reject(error);
  };
  const disconnected = (): void => finish(new PullInterrupted('disconnected'));
  native.onDisconnect.add(disconnected);
  const watch = (): void => {
    clearTimeout(watchdog);
    const silenceMs = request.heartbeatMs * 3;
    const dueAt = performance.now() + silenceMs;
    watchdog = setTimeout(() => {
      // Who stood still, maybe with the whole machine, cannot tell. A message that meets the end of its pull is lost and counts as an attempt.
      if (performance.now() - dueAt > request.heartbeatMs) watch();
      else finish(new PullInterrupted('no heartbeat'));
    }, silenceMs);
  };
  const alive = (): void => {
    request.onActivity();
    if (!over) watch();
  };
  const subscription = nc.subscribe(inbox, {
    callback: (error, message) => {
      if (error !== null) return finish(error);
      if (message.subject === inbox && message.data.length === 0 && isStatus(message)) {
        const code = message.headers?.code ?? 0;
        if (code === 503) return finish(new PullInterrupted('no responders'));
        alive();
        if (code === 404 || code === 408) finish();
        else if (code === 100) request.onIdle?.();
        else finish(new PullInterrupted(`${code} ${message.headers?.description ?? ''}`));
        return;
      }
      alive();
      received++;
      if (received >= request.batch) finish();
      request.onMessage(toStreamMessage(message));
    },
  });
  watch();
  nc.publish(
    `$JS.API.CONSUMER.MSG.NEXT.${request.stream}.${request.consumer}`,
    JSON.stringify({
      batch: request.batch,
      expires: request.expiresMs * 1e6,
      idle_heartbeat: request.heartbeatMs * 1e6,
    }),
    { reply: inbox },
  );
  const close = ended.promise.finally(() => subscription.unsubscribe());
  close.catch(() => undefined);
  return {
    ended: close,
    async cancel() {
      if (!over && !nc.isClosed()) await subscription.drain().catch(() => undefined);
      finish();
    },
  };
}

function isStatus(message: Msg): boolean {
  return (message.headers?.code ?? 0) > 0;
}

/**
 * Reads the reply subject: `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<nanoseconds>.<pending>`, with
 * domain and account hash before the stream in newer servers.
 */
export function toStreamMessage(message: Msg): StreamMessage {
  const tokens = (message.reply ?? '').split('.');
  const start = tokens.length === 9 ? 4 : 6;
  const [delivered, streamSeq, consumerSeq, nanos, pending] = tokens.slice(start, start + 5);
  if (tokens[1] !== 'ACK' || pending === undefined || nanos === undefined) {
    throw new NatsError(`"${message.reply}" is not the reply subject of a stream message`, 'BAD_SUBJECT');
  }
  return {
    message,
    subject: message.subject,
    data: message.data,
    streamSeq: Number(streamSeq),
    consumerSeq: Number(consumerSeq),
    deliveryCount: Number(delivered),
    pending: Number(pending),
    storedAt: new Date(Number(BigInt(nanos) / 1_000_000n)).toISOString(),
  };
}
