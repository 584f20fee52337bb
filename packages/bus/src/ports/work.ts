/** A delivered message that its handler must finish. */
export interface Job {
  readonly subject: string;
  readonly body: Uint8Array;
  /** A header's value; the name matches in any case. */
  headers(name: string): string | undefined;
  /** 1 for the first delivery. */
  readonly deliveryCount: number;
  readonly seq: number;
  /** @throws CVE_MESSAGE_MALFORMED when the body is not JSON. */
  json(): unknown;
  /** Aborted when the consumer stops. */
  readonly signal: AbortSignal;
}

export interface ConsumeOptions {
  /** Which stream. Default `work`. */
  readonly stream?: 'work' | 'inbox' | undefined;
  /**
   * Durable name, shared by all replicas that compete for the work. On `work` it must be the NATS user's name (planner, executor,
   * gpu-runner) or `executor-rollback`, and the filter a single one: the permissions allow nothing else.
   */
  readonly name: string;
  readonly filter: string | readonly string[];
  /** How many handlers run at once. */
  readonly concurrency: number;
  /** Milliseconds without a sign of life after which the server redelivers. A running handler is kept alive. Default 10 000. */
  readonly ackWaitMs?: number | undefined;
  /** Attempts (deliveries that were not handed back) before a message is dead. Default 5. */
  readonly maxDeliver?: number | undefined;
  /** First pause before a redelivery; doubles each time, at most 30 s. Default 500. */
  readonly backoffMs?: number | undefined;
  /** Name of this instance in dead letters. Default: the durable's name. */
  readonly by?: string | undefined;
  /**
   * Resolved: acknowledged. A terminal ConclaveError: dead letter at once. A cancelled one: handed back, however often. Anything else:
   * again after a pause, and a dead letter after `maxDeliver` attempts.
   */
  handler(job: Job): Promise<void>;
  /** Called after the dead letter is stored and before the message is given up; it journals the terminal event. */
  onDead?(job: Job, reason: Error): Promise<void>;
}

export interface WorkConsumer {
  /** `performance.now()` of the last message, answered poll, or confirmed sign of life of a running handler: proves that it is receiving. */
  readonly lastActivityAt: number;
  readonly running: number;
  /** Takes nothing new, waits for running handlers (their `signal` is aborted after `graceMs`, default 5000). */
  stop(options?: { graceMs?: number }): Promise<void>;
}

export interface WorkQueue {
  /**
   * Stores a work message; the same `msgId` within two minutes is stored once.
   * @throws CVE_MESSAGE_TOO_LARGE over 64 KB; CVE_BUS_UNAVAILABLE when no answer came in 30 s; CVE_UNAUTHORIZED.
   */
  publish(
    subject: string,
    body: unknown,
    options: { msgId: string; headers?: Readonly<Record<string, string>> | undefined },
  ): Promise<{ seq: number; duplicate: boolean }>;
  consume(options: ConsumeOptions): WorkConsumer;
}

/** A message that was refused or could not be handled. */
export interface DeadLetter {
  readonly seq: number;
  readonly subject: string;
  readonly originalSubject: string;
  readonly code: string;
  readonly reason: string;
  readonly by: string;
  /** ISO 8601. */
  readonly at: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The original bytes. */
  readonly bytes: Uint8Array;
}
