import { type ErrorCode, nearestName } from '@conclave/contracts';

/** The body of an error, as every service of the project sends it. */
export interface Problem {
  readonly error: { readonly code: ErrorCode; readonly message: string };
}

export function problem(code: ErrorCode, message: string): Problem {
  return { error: { code, message: `${code}: ${message}` } };
}

/** `no meeting "m-9"; known: m-1, m-2`: the newest names that exist, at most ten. */
export function unknown(code: ErrorCode, what: string, name: string, known: readonly string[]): Problem {
  const shown = known.slice(0, 10).join(', ');
  const nearest = nearestName(name, known);
  const meant = nearest === undefined ? '' : `did you mean "${nearest}"? `;
  const rest = known.length > 10 ? ` and ${known.length - 10} more` : '';
  return problem(
    code,
    `there is no ${what} "${name}"; ${known.length === 0 ? `there is none at all yet` : `${meant}known: ${shown}${rest}`}`,
  );
}
