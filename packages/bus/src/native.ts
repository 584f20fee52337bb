import { ConclaveError, isConclaveError, messageOf } from '@conclave/contracts';
import {
  ErrorCode,
  type JetStreamClient,
  type JetStreamManager,
  Match,
  type MsgHdrs,
  headers as makeHeaders,
  type NatsConnection,
  NatsError,
} from 'nats';
import { z } from 'zod';
import type { Bus, BusLogger } from './ports/connection.ts';
import type { Keyring } from './signing/keyring.ts';
import type { Signer } from './signing/signature.ts';

/** The library's side of a Bus. It stays inside this package. */
export interface Native {
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  readonly inboxPrefix: string;
  readonly logger: BusLogger;
  readonly signer: Signer | undefined;
  /** @throws CVE_ENVIRONMENT_INVALID when this connection was given none */
  readonly keyring: () => Keyring;
  readonly isConnected: () => boolean;
  /** Called at once when the connection breaks: requests under way are lost. */
  readonly onDisconnect: Set<() => void>;
}

const natives = new WeakMap<Bus, Native>();

export function registerNative(bus: Bus, native: Native): void {
  natives.set(bus, native);
}

/** @throws CVE_BUS_UNAVAILABLE for a Bus that connectBus did not make. */
export function nativeOf(bus: Bus): Native {
  const native = natives.get(bus);
  if (native === undefined)
    throw new ConclaveError('CVE_BUS_UNAVAILABLE', 'this Bus has no connection; make it with connectBus');
  return native;
}

/** Error numbers of the JetStream API that this package decides on. */
export const JS_ERROR = {
  streamNotFound: 10059,
  consumerNotFound: 10014,
  noMessage: 10037,
  wrongLastSequence: 10071,
  /** 2.12 and later while another append on that subject is in flight. */
  wrongLastSequenceInFlight: 10164,
  duplicateInFlight: 10158,
  messageTooLarge: 10054,
} as const;

/** Number of a JetStream API error, undefined for anything else. */
export function jsErrorCode(error: unknown): number | undefined {
  return error instanceof NatsError ? error.api_error?.err_code : undefined;
}

/** True when no answer came, so that a request may or may not have been carried out. */
export function isUnanswered(error: unknown): boolean {
  if (!(error instanceof NatsError) || error.api_error !== undefined) return false;
  return UNANSWERED.has(error.code);
}

const UNANSWERED: ReadonlySet<string> = new Set([
  ErrorCode.Timeout,
  ErrorCode.NoResponders,
  ErrorCode.Disconnect,
  ErrorCode.ConnectionRefused,
  ErrorCode.ConnectionTimeout,
]);

export function isPermissionDenied(error: unknown): boolean {
  return error instanceof NatsError && error.code === ErrorCode.PermissionsViolation;
}

/** True when asking again cannot help: no permission, or a request the server calls bad. */
export function isRefused(error: unknown): boolean {
  return isPermissionDenied(error) || (error instanceof NatsError && error.api_error?.code === 400);
}

/** Any failure of the library as one of ours; `doing` completes "could not ...". */
export function asConclaveError(error: unknown, doing: string): ConclaveError {
  if (isConclaveError(error)) return error;
  if (isPermissionDenied(error)) {
    return new ConclaveError(
      'CVE_UNAUTHORIZED',
      `could not ${doing}: ${messageOf(error)}; this NATS user lacks the permission`,
      {
        cause: error,
      },
    );
  }
  if (jsErrorCode(error) === JS_ERROR.messageTooLarge) {
    return new ConclaveError('CVE_MESSAGE_TOO_LARGE', `could not ${doing}: ${messageOf(error)}`, { cause: error });
  }
  return new ConclaveError(
    'CVE_BUS_UNAVAILABLE',
    `could not ${doing}: ${messageOf(error)}; is NATS with JetStream running?`,
    {
      cause: error,
    },
  );
}

const apiFailure = z.object({
  error: z.object({ code: z.number(), err_code: z.number().optional(), description: z.string().optional() }),
});

/** One request of the JetStream API, for what the library does not offer. @throws NatsError with `api_error` */
export async function jsApi<T>(
  native: Native,
  subject: string,
  body: unknown,
  answer: z.ZodType<T>,
  timeoutMs = 5000,
): Promise<T> {
  const reply = await native.nc.request(`$JS.API.${subject}`, JSON.stringify(body), { timeout: timeoutMs });
  const json: unknown = JSON.parse(reply.string());
  const failure = apiFailure.safeParse(json);
  if (failure.success) {
    const { code, err_code = 0, description = 'no description' } = failure.data.error;
    const error = new NatsError(description, ErrorCode.JetStream409);
    error.api_error = { code, err_code, description };
    throw error;
  }
  return answer.parse(json);
}

export function toNatsHeaders(fields: Readonly<Record<string, string>>): MsgHdrs {
  const result = makeHeaders();
  for (const [name, value] of Object.entries(fields)) result.set(name, value.replace(/[\r\n]+/g, ' '));
  return result;
}

/** A header's value in any spelling of its name; undefined when it is absent. */
export function headerOf(from: MsgHdrs | undefined, name: string): string | undefined {
  const value = from?.last(name, Match.IgnoreCase);
  return value === undefined || value === '' ? undefined : value;
}

export function headerRecord(from: MsgHdrs | undefined): Record<string, string> {
  const record: Record<string, string> = {};
  for (const name of from?.keys() ?? []) record[name] = from?.last(name) ?? '';
  return record;
}

/** @throws CVE_MESSAGE_MALFORMED */
export function parseJson(bytes: Uint8Array, where: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new ConclaveError('CVE_MESSAGE_MALFORMED', `${where} is not JSON: ${messageOf(error)}; send UTF-8 JSON`, {
      cause: error,
    });
  }
}

/** Resolves after `ms`, or at once when the signal aborts. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end, { once: true });
  });
}
