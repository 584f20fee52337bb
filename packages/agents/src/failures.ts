import { ConclaveError, type ErrorCode, messageOf, type Speaker } from '@conclave/contracts';
import { isReplyTooLong, tooLong } from './bounded.ts';
import type { ChatAnswer, ChatRequest } from './chat-model.ts';

/** What an adapter knows of a failed call, in no vendor's terms. */
export interface CallFailure {
  readonly speaker: Speaker;
  /** HTTP status; undefined when no answer came. */
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
  readonly cause: unknown;
}

/** A call that failed on the vendor's side or on the way there; `status` is undefined when no answer came. */
export class VendorFailure extends ConclaveError {
  readonly status: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    { status, retryAfterMs }: Pick<CallFailure, 'status' | 'retryAfterMs'>,
  ) {
    super(code, message, retryAfterMs === undefined ? {} : { retryAfterMs });
    this.status = status;
  }
}

/** The typed error of a failed call. Its message never holds the vendor's own, which may quote the request. */
export function failureOf({ speaker, status, retryAfterMs, cause }: CallFailure): ConclaveError {
  const who = `${speaker.adapter} ${speaker.model}`;
  if (isReplyTooLong(cause)) return tooLong(speaker, 'no end in sight');
  const failed = (code: ErrorCode, message: string): VendorFailure =>
    new VendorFailure(code, message, { status, retryAfterMs });
  if (status === undefined) {
    return failed('CVE_CHAT_UNAVAILABLE', `${who} cannot be reached (${nameOf(cause)}); check the network and baseUrl`);
  }
  if (status === 429) {
    const wait = retryAfterMs === undefined ? '' : `, asks to wait ${Math.round(retryAfterMs / 1000)} s`;
    return failed('CVE_CHAT_RATE_LIMITED', `${who} limits the rate (HTTP 429)${wait}`);
  }
  if (status === 408 || status === 504) {
    return failed('CVE_CHAT_TIMEOUT', `${who} timed out on its side (HTTP ${status})`);
  }
  if (status >= 500 || status === 409) {
    return failed('CVE_CHAT_UNAVAILABLE', `${who} failed (HTTP ${status}); its status page may tell more`);
  }
  const wayOut: Readonly<Record<number, string>> = {
    400: 'check model, maxOutputTokens and thinkingTokens in the configuration',
    401: 'check the API key',
    403: 'check what the API key may use',
    404: 'check the model name and baseUrl in the configuration',
  };
  return failed(
    'CVE_CHAT_NOT_CONFIGURED',
    `${who} refuses the request (HTTP ${status}); ${wayOut[status] ?? 'check the configuration of this agent'}`,
  );
}

export function refused(speaker: Speaker, why: string): ConclaveError {
  return new ConclaveError(
    'CVE_CHAT_REFUSED',
    `${speaker.adapter} ${speaker.model} declined to answer (${why.slice(0, 200)}); another model may answer`,
  );
}

/** The model stopped at a limit before its end. What came is not whole, even where it parses: a plan may lack its last actions. */
export class AnswerCutOff extends ConclaveError {
  readonly answer: ChatAnswer;

  constructor(
    speaker: Speaker,
    { maxOutputTokens }: Pick<ChatRequest, 'maxOutputTokens'>,
    why: string,
    answer: Omit<ChatAnswer, 'speaker'>,
  ) {
    super(
      'CVE_CHAT_OUTPUT_INVALID',
      `the answer of ${speaker.adapter} ${speaker.model} was cut off at maxOutputTokens ${maxOutputTokens} (${why}); raise it or thinkingTokens for this agent in planningTeam or executiveTeam, as far as the model allows`,
    );
    this.answer = { ...answer, speaker };
  }
}

/** @param header value of `retry-after`: seconds or an HTTP date. */
export function retryAfterMsOf(header: string | null | undefined, now: number = Date.now()): number | undefined {
  if (header === null || header === undefined || header.trim() === '') return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** The innermost cause says most: SDKs wrap what fetch throws, which wraps what the network said, such as ENOTFOUND. */
function nameOf(cause: unknown): string {
  let inner = cause;
  while (inner instanceof Error && inner.cause !== undefined) inner = inner.cause;
  if (typeof inner === 'object' && inner !== null && 'code' in inner && typeof inner.code === 'string')
    return inner.code;
  return inner instanceof Error ? inner.name : messageOf(inner);
}
