/**
 * The one catalogue of coded errors. Each message names the thing, the value and the way out.
 * `retry` tells a caller what kind of failure it met, so that nobody matches on message text.
 */
export type RetryKind = 'retryable' | 'terminal' | 'cancelled' | 'timeout';

const CATALOGUE = {
  CVE_NAME_INVALID: 'terminal',
  CVE_MESSAGE_TOO_LARGE: 'terminal',
  CVE_MESSAGE_MALFORMED: 'terminal',
  CVE_HANDOFF_INVALID: 'terminal',
  CVE_HANDOFF_OWNER_UNKNOWN: 'terminal',
  CVE_HANDOFF_PRIORITY_UNKNOWN: 'terminal',
  CVE_HANDOFF_TOOL_UNKNOWN: 'terminal',
  CVE_HANDOFF_TOOL_FORBIDDEN: 'terminal',
  CVE_HANDOFF_DEPENDENCY_UNKNOWN: 'terminal',
  CVE_HANDOFF_DEPENDENCY_CYCLE: 'terminal',
  CVE_HANDOFF_DEPENDENCY_LOWER: 'terminal',
  CVE_HANDOFF_ID_TAKEN: 'terminal',
  CVE_HANDOFF_NOT_THE_MEETINGS: 'terminal',
  CVE_INCIDENT_INVALID: 'terminal',
  CVE_INSIGHT_INVALID: 'terminal',
  CVE_CONFIG_INVALID: 'terminal',
  CVE_CONFIG_UNREADABLE: 'terminal',
  CVE_DOCTOR_PROBLEMS: 'terminal',
  CVE_ENVIRONMENT_INVALID: 'terminal',
  CVE_ROLLOUT_INVALID: 'terminal',
  CVE_ROLLOUT_CONFLICT: 'terminal',
  CVE_ROLLOUT_ENDED: 'terminal',
  CVE_ROLLOUT_UNKNOWN: 'terminal',
  CVE_ROLLOUT_NOT_ELIGIBLE: 'terminal',
  CVE_MODEL_UNKNOWN: 'terminal',
  CVE_MODEL_DIGEST_CONFLICT: 'terminal',
  CVE_MODEL_NOT_SERVED: 'terminal',
  CVE_BUNDLE_INVALID: 'terminal',
  CVE_BUNDLE_ONNX_INVALID: 'terminal',
  CVE_DATASET_INVALID: 'terminal',
  CVE_DATASET_UNKNOWN: 'terminal',
  CVE_MEETING_UNKNOWN: 'terminal',
  CVE_ACTION_UNKNOWN: 'terminal',
  CVE_ARTIFACT_UNKNOWN: 'terminal',
  CVE_ARTIFACT_DIGEST_MISMATCH: 'terminal',
  CVE_INFER_INVALID: 'terminal',
  CVE_INFER_NOT_READY: 'retryable',
  CVE_INFER_FAILED: 'retryable',
  CVE_INFER_OVERLOADED: 'retryable',
  CVE_EVALUATION_FAILED: 'terminal',
  CVE_JOURNAL_CONFLICT: 'retryable',
  CVE_JOURNAL_UNKNOWN_EVENT: 'retryable',
  CVE_JOURNAL_CORRUPT: 'terminal',
  CVE_JOURNAL_OUTCOME_UNKNOWN: 'retryable',
  CVE_LEASE_LOST: 'cancelled',
  CVE_FENCED: 'cancelled',
  CVE_BUS_UNAVAILABLE: 'retryable',
  CVE_BUS_SERVER_TOO_OLD: 'terminal',
  CVE_BUS_STREAM_MISMATCH: 'terminal',
  CVE_REQUEST_INVALID: 'terminal',
  CVE_REQUEST_UNANSWERED: 'retryable',
  CVE_UNAUTHORIZED: 'terminal',
  CVE_TOOL_INVALID_ARGS: 'terminal',
  CVE_TOOL_FAILED: 'terminal',
  CVE_TOOL_TIMEOUT: 'timeout',
  CVE_SCRIPT_FORBIDDEN: 'terminal',
  CVE_CHAT_RATE_LIMITED: 'retryable',
  CVE_CHAT_UNAVAILABLE: 'retryable',
  CVE_CHAT_TIMEOUT: 'timeout',
  CVE_CHAT_REFUSED: 'terminal',
  CVE_CHAT_OUTPUT_INVALID: 'terminal',
  CVE_CHAT_NOT_CONFIGURED: 'terminal',
  CVE_CANCELLED: 'cancelled',
  CVE_STACK_LOCKED: 'terminal',
  CVE_STACK_FAILED: 'terminal',
  CVE_SETUP_NATS_MISSING: 'terminal',
} as const satisfies Record<string, RetryKind>;

export type ErrorCode = keyof typeof CATALOGUE;

/** True when `value` is a code of this catalogue. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(CATALOGUE, value);
}

/** An error a person or a program can act on. `message` starts with the code. */
export class ConclaveError extends Error {
  readonly code: ErrorCode;
  readonly retry: RetryKind;
  /** Milliseconds a caller should wait before it tries again, when the other side said so. */
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; retryAfterMs?: number } = {}) {
    super(`${code}: ${message}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ConclaveError';
    this.code = code;
    this.retry = CATALOGUE[code];
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** True for a ConclaveError, of that code if one is given. */
export function isConclaveError(error: unknown, code?: ErrorCode): error is ConclaveError {
  return error instanceof ConclaveError && (code === undefined || error.code === code);
}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
