import type { Keyring } from '../signing/keyring.ts';
import type { Signer } from '../signing/signature.ts';

/** What a connection tells about itself. `permission_denied` is the only trace a refused core publish leaves. */
export interface BusStatus {
  readonly type:
    | 'connect'
    | 'disconnect'
    | 'reconnecting'
    | 'reconnect'
    | 'permission_denied'
    | 'error'
    | 'lame_duck'
    | 'closed';
  /** The server, subject or error concerned. */
  readonly detail: string;
}

/** Where the bus reports what nobody else hears of. A pino logger fits. */
export interface BusLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface BusOptions {
  /** Comma-separated URLs, e.g. `nats://127.0.0.1:4222`. */
  readonly servers: string;
  /** Shown by the server; the service's instance, e.g. `planner-0`. */
  readonly name: string;
  /** Seed of the user's nkey (`SU...`). Without it the connection is anonymous. */
  readonly nkeySeed?: string | undefined;
  /** Name of the NATS user (a key of `natsUsers()`): the inbox prefix is `_INBOX_<user>`. Without it `_INBOX`. */
  readonly user?: string | undefined;
  /** Whose signatures count. Without it nothing that has to be signed can be read. */
  readonly keyring?: Keyring | undefined;
  /** Signs what this process writes; default: its nkey does. */
  readonly signer?: Signer | undefined;
  readonly logger?: BusLogger | undefined;
}

/** A message of core NATS. */
export interface CoreMessage {
  readonly subject: string;
  readonly body: Uint8Array;
  /** A header's value; the name matches in any case. */
  header(name: string): string | undefined;
  /** @throws CVE_MESSAGE_MALFORMED when the body is not JSON. */
  json(): unknown;
}

export interface Subscription {
  unsubscribe(): void;
}

/** The answer to a request. */
export interface Reply {
  readonly bytes: Uint8Array;
  header(name: string): string | undefined;
  /** @throws CVE_MESSAGE_MALFORMED when the body is not JSON. */
  json(): unknown;
}

export interface RequestOptions {
  readonly timeoutMs: number;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** One connection to NATS. It reconnects for as long as the process lives; `closed()` resolves only when it is closed for good. */
export interface Bus {
  readonly connected: boolean;
  readonly serverVersion: string;
  /** Resolves when the connection is closed for good. Rejects never. */
  closed(): Promise<void>;
  /** Finishes what is under way, then closes. */
  drain(): Promise<void>;
  onStatus(listener: (status: BusStatus) => void): void;
  /** Fire and forget. A refusal shows only as `permission_denied` in `onStatus`. */
  publishCore(subject: string, data: Uint8Array | string, headers?: Readonly<Record<string, string>>): void;
  subscribeCore(
    subject: string,
    handler: (message: CoreMessage) => void,
    options?: { queue?: string | undefined },
  ): Subscription;
  /**
   * A JSON request to a micro service.
   * @throws the answering side's ConclaveError with its own code; CVE_REQUEST_UNANSWERED when nobody answers in `timeoutMs`.
   */
  request(subject: string, body: unknown, options: RequestOptions): Promise<Reply>;
  /** Resolves when the server has seen everything published so far. */
  flush(): Promise<void>;
}
