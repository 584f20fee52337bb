import { ConclaveError, isErrorCode, messageOf } from '@conclave/contracts';
import {
  connect,
  DebugEvents,
  ErrorCode,
  Events,
  type Msg,
  type NatsConnection,
  NatsError,
  nkeyAuthenticator,
} from 'nats';
import { z } from 'zod';
import { asConclaveError, headerOf, parseJson, pause, registerNative, toNatsHeaders } from './native.ts';
import type { Bus, BusLogger, BusOptions, BusStatus, Reply } from './ports/connection.ts';
import { signerOf } from './signing/signature.ts';

const OLDEST_SERVER = [2, 10] as const;
const SILENT: BusLogger = { info() {}, warn() {}, error() {} };

/**
 * Connects to NATS, waiting for it as long as it takes, and stays connected.
 * @throws CVE_BUS_SERVER_TOO_OLD before 2.10; CVE_UNAUTHORIZED when the server refuses the user.
 */
export async function connectBus(options: BusOptions): Promise<Bus> {
  const logger = options.logger ?? SILENT;
  const inboxPrefix = options.user === undefined ? '_INBOX' : `_INBOX_${options.user}`;
  const nc = await connect({
    servers: options.servers.split(',').map((server) => server.trim()),
    name: options.name,
    inboxPrefix,
    waitOnFirstConnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 500,
    pingInterval: 10_000,
    // Else each request makes an error to remember its caller by, which costs more than the request itself.
    noAsyncTraces: true,
    ...(options.nkeySeed === undefined
      ? {}
      : { authenticator: nkeyAuthenticator(new TextEncoder().encode(options.nkeySeed.trim())) }),
  }).catch((error: unknown) => {
    throw connectFailure(error, options);
  });
  const version = nc.info?.version ?? '0.0.0';
  if (isOlder(version)) {
    await nc.close();
    throw new ConclaveError(
      'CVE_BUS_SERVER_TOO_OLD',
      `nats-server at ${options.servers} is ${version}; install ${OLDEST_SERVER.join('.')} or newer (older ones ignore settings the journal needs)`,
    );
  }
  const jsm = await nc.jetstreamManager({ checkAPI: false });
  const onDisconnect = new Set<() => void>();
  const listeners = new Set<(status: BusStatus) => void>();
  let connected = true;
  const report = (status: BusStatus): void => {
    if (status.type === 'disconnect' || status.type === 'closed') connected = false;
    if (status.type === 'reconnect') connected = true;
    const level = status.type === 'reconnecting' ? 'info' : 'warn';
    logger[level]({ type: status.type, detail: status.detail }, 'nats connection');
    if (!connected) for (const callback of [...onDisconnect]) callback();
    for (const listener of listeners) listener(status);
  };
  const bus = makeBus(nc, version, () => connected, listeners);
  const { nkeySeed, keyring } = options;
  registerNative(bus, {
    nc,
    js: nc.jetstream(),
    jsm,
    inboxPrefix,
    logger,
    signer: options.signer ?? (nkeySeed === undefined ? undefined : signerOf(nkeySeed)),
    keyring: () => keyring ?? noKeyring(options.name),
    isConnected: () => connected,
    onDisconnect,
  });
  void watchStatus(nc, report);
  void nc
    .closed()
    .then((error) => report({ type: 'closed', detail: error === undefined ? 'closed' : messageOf(error) }));
  return bus;
}

function noKeyring(name: string): never {
  throw new ConclaveError(
    'CVE_ENVIRONMENT_INVALID',
    `${name} has no keyring, so it cannot tell whose signatures count; set CONCLAVE_KEYRING_FILE to the installation's keyring.json`,
  );
}

function connectFailure(error: unknown, options: BusOptions): ConclaveError {
  if (error instanceof NatsError && error.isAuthError()) {
    const who = options.user ?? 'anonymous';
    return new ConclaveError(
      'CVE_UNAUTHORIZED',
      `${options.servers} refuses user ${who}: ${error.message}; check the nkey file`,
      {
        cause: error,
      },
    );
  }
  return asConclaveError(error, `connect to ${options.servers}`);
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return major < OLDEST_SERVER[0] || (major === OLDEST_SERVER[0] && minor < OLDEST_SERVER[1]);
}

async function watchStatus(nc: NatsConnection, report: (status: BusStatus) => void): Promise<void> {
  for await (const status of nc.status()) {
    const detail = String(status.data);
    if (status.type === Events.Disconnect) report({ type: 'disconnect', detail });
    else if (status.type === Events.Reconnect) report({ type: 'reconnect', detail });
    else if (status.type === Events.LDM) report({ type: 'lame_duck', detail });
    else if (status.type === DebugEvents.Reconnecting) report({ type: 'reconnecting', detail });
    else if (status.type === Events.Error) {
      const denied = status.permissionContext;
      if (denied === undefined) report({ type: 'error', detail });
      else report({ type: 'permission_denied', detail: `${denied.operation} ${denied.subject}` });
    }
  }
}

function makeBus(
  nc: NatsConnection,
  serverVersion: string,
  isConnected: () => boolean,
  listeners: Set<(s: BusStatus) => void>,
): Bus {
  return {
    get connected() {
      return isConnected();
    },
    serverVersion,
    async closed() {
      await nc.closed();
    },
    async drain() {
      if (nc.isClosed()) return;
      // A drain cannot finish without a server; a closed connection is what the caller wants either way.
      if (isConnected()) await nc.drain();
      else await nc.close();
    },
    onStatus(listener) {
      listeners.add(listener);
    },
    publishCore(subject, data, headers) {
      nc.publish(subject, data, headers === undefined ? undefined : { headers: toNatsHeaders(headers) });
    },
    subscribeCore(subject, handler, options) {
      const subscription = nc.subscribe(subject, {
        ...(options?.queue === undefined ? {} : { queue: options.queue }),
        callback: (error, message) => {
          if (error !== null) return;
          handler({
            subject: message.subject,
            body: message.data,
            header: (name) => headerOf(message.headers, name),
            json: () => parseJson(message.data, message.subject),
          });
        },
      });
      return { unsubscribe: () => subscription.unsubscribe() };
    },
    async request(subject, body, options) {
      const payload = body === undefined ? '' : JSON.stringify(body);
      const headers = options.headers === undefined ? {} : { headers: toNatsHeaders(options.headers) };
      const message = await requestUntilServed(options.timeoutMs, (timeout) =>
        nc.request(subject, payload, { timeout, ...headers }),
      ).catch((error: unknown) => {
        throw requestFailure(error, subject, options.timeoutMs);
      });
      return toReply(subject, message);
    },
    async flush() {
      await nc.flush();
    },
  };
}

const NO_RESPONDERS_PAUSE_MS = 200;
/** With less time left nothing is asked any more: it might be carried out, and its answer come too late to be heard. */
const SHORTEST_ANSWER_MS = 100;

/**
 * Asks again while nobody serves the subject, until the time is up: between two leaders there is a moment without one. A request that
 * found nobody was not carried out, so asking again is safe; one that timed out may have been, and is not repeated.
 */
export async function requestUntilServed<T>(timeoutMs: number, ask: (timeoutMs: number) => Promise<T>): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await ask(Math.max(1, deadline - performance.now()));
    } catch (error) {
      const unserved = error instanceof NatsError && error.code === ErrorCode.NoResponders;
      if (!unserved || performance.now() + NO_RESPONDERS_PAUSE_MS >= deadline) throw error;
      await pause(NO_RESPONDERS_PAUSE_MS);
      if (deadline - performance.now() < SHORTEST_ANSWER_MS) throw error;
    }
  }
}

function requestFailure(error: unknown, subject: string, timeoutMs: number): ConclaveError {
  if (error instanceof NatsError && error.code === ErrorCode.NoResponders) {
    return new ConclaveError(
      'CVE_REQUEST_UNANSWERED',
      `nobody served ${subject} for ${timeoutMs} ms; is the service running?`,
      {
        cause: error,
      },
    );
  }
  if (error instanceof NatsError && error.code === ErrorCode.Timeout) {
    return new ConclaveError(
      'CVE_REQUEST_UNANSWERED',
      `${subject} gave no answer in ${timeoutMs} ms; it may have been carried out, ask again`,
      {
        cause: error,
      },
    );
  }
  return asConclaveError(error, `request ${subject}`);
}

const failureBody = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

function toReply(subject: string, message: Msg): Reply {
  const reply: Reply = {
    bytes: message.data,
    header: (name) => headerOf(message.headers, name),
    json: () => parseJson(message.data, `the answer of ${subject}`),
  };
  const serviceError = reply.header('Nats-Service-Error-Code');
  if (serviceError === undefined) return reply;
  throw serviceFailure(subject, serviceError, reply);
}

/** The other side's error with its own code; its text without the code, which the constructor puts in front again. */
function serviceFailure(subject: string, headerCode: string, reply: Reply): ConclaveError {
  let code = headerCode;
  let text = reply.header('Nats-Service-Error') ?? 'no reason given';
  if (reply.bytes.length > 0) {
    const parsed = failureBody.safeParse(parseJson(reply.bytes, `the answer of ${subject}`));
    if (parsed.success) ({ code, message: text } = parsed.data.error);
  }
  if (!isErrorCode(code))
    return new ConclaveError('CVE_REQUEST_UNANSWERED', `${subject} answered error ${code}: ${text}`);
  const retryAfter = Number(reply.header('Conclave-Retry-After-Ms') ?? Number.NaN);
  const prefix = `${code}: `;
  return new ConclaveError(
    code,
    text.startsWith(prefix) ? text.slice(prefix.length) : text,
    Number.isFinite(retryAfter) ? { retryAfterMs: retryAfter } : {},
  );
}
