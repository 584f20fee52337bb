/** A request to an endpoint. */
export interface ApiRequest {
  readonly subject: string;
  /** The parsed JSON body; undefined for an empty one. */
  readonly body: unknown;
  readonly bytes: Uint8Array;
  header(name: string): string | undefined;
}

export type ApiHandler = (request: ApiRequest) => Promise<unknown>;

/** A NATS micro service: visible in `nats micro ls`, answers `$SRV.PING|INFO|STATS`. */
export interface ApiService {
  /**
   * Answers JSON requests on `subject`. A thrown ConclaveError is answered with its code, anything else as CVE_REQUEST_INVALID
   * when the body is broken, else CVE_BUS_UNAVAILABLE with a generic text. Each endpoint can be stopped on its own.
   */
  endpoint(
    name: string,
    subject: string,
    handler: ApiHandler,
    options?: { queue?: string | undefined },
  ): { stop(): Promise<void> };
  /** Resolves when the server knows all endpoints added so far. */
  ready(): Promise<void>;
  /** Takes no more requests and waits for running handlers. Do not await it inside a handler. */
  stop(): Promise<void>;
}
