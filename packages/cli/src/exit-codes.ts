import { type ErrorCode, isConclaveError } from '@conclave/contracts';

/** What the exit code of a command says. The table of `conclave --help` and of docs/reference/cli.md. */
export const EXIT_CODES = [
  [0, 'done', 'it was done, or there was nothing to do'],
  [1, 'refused', 'it was refused or failed; the message says why'],
  [2, 'invalid', 'what was given is not valid: the command line, or a file, name or value in it; nothing was sent'],
  [3, 'unreachable', 'nobody answered: no system runs, NATS is away, or the service asked is not ready'],
  [4, 'timed_out', 'the time to wait is over; what was asked for may still happen'],
  [5, 'unauthorized', 'the credentials do not allow it'],
  [6, 'unknown', 'what was named does not exist'],
] as const;

export type ExitCode = (typeof EXIT_CODES)[number][0];
type ExitName = (typeof EXIT_CODES)[number][1];

/** Codes that say more than "refused". A code that stands nowhere here follows its kind: a timeout is 4, anything else 1. */
const BY_NAME: Readonly<Partial<Record<ExitName, readonly ErrorCode[]>>> = {
  invalid: [
    'CVE_NAME_INVALID',
    'CVE_MESSAGE_TOO_LARGE',
    'CVE_MESSAGE_MALFORMED',
    'CVE_HANDOFF_INVALID',
    'CVE_HANDOFF_OWNER_UNKNOWN',
    'CVE_HANDOFF_PRIORITY_UNKNOWN',
    'CVE_HANDOFF_TOOL_UNKNOWN',
    'CVE_HANDOFF_TOOL_FORBIDDEN',
    'CVE_HANDOFF_DEPENDENCY_UNKNOWN',
    'CVE_HANDOFF_DEPENDENCY_CYCLE',
    'CVE_HANDOFF_DEPENDENCY_LOWER',
    'CVE_INCIDENT_INVALID',
    'CVE_INSIGHT_INVALID',
    'CVE_CONFIG_INVALID',
    'CVE_CONFIG_UNREADABLE',
    'CVE_ENVIRONMENT_INVALID',
    'CVE_ROLLOUT_INVALID',
    'CVE_BUNDLE_INVALID',
    'CVE_BUNDLE_ONNX_INVALID',
    'CVE_DATASET_INVALID',
    'CVE_INFER_INVALID',
    'CVE_REQUEST_INVALID',
    'CVE_TOOL_INVALID_ARGS',
  ],
  unreachable: ['CVE_BUS_UNAVAILABLE', 'CVE_REQUEST_UNANSWERED', 'CVE_INFER_NOT_READY', 'CVE_LEASE_LOST'],
  unauthorized: ['CVE_UNAUTHORIZED'],
  unknown: [
    'CVE_MODEL_UNKNOWN',
    'CVE_ROLLOUT_UNKNOWN',
    'CVE_DATASET_UNKNOWN',
    'CVE_ARTIFACT_UNKNOWN',
    'CVE_MEETING_UNKNOWN',
    'CVE_ACTION_UNKNOWN',
  ],
};

/** Exit code for anything a command threw. */
export function exitCodeOf(error: unknown): ExitCode {
  return isConclaveError(error) ? exitCodeOfCode(error.code, error.retry === 'timeout') : 1;
}

/** Exit code for an error code. @param isTimeout whether its kind is `timeout` */
export function exitCodeOfCode(code: ErrorCode, isTimeout: boolean): ExitCode {
  const named = EXIT_CODES.find(([, name]) => BY_NAME[name]?.includes(code) === true);
  if (named !== undefined) return named[0];
  return isTimeout ? 4 : 1;
}
