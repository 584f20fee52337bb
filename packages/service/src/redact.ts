/** Field names whose values never reach a log, wherever they stand. */
const SECRET_NAME =
  /^(authorization|proxy-authorization|cookie|set-cookie|.*token|.*api[-_]?key|.*nkey.*|.*seed|.*password|.*secret|credentials)$/i;
/** Counts such as `outputTokens` are no secrets; neither are fencing tokens, which are numbers. */
const CENSORED = '[redacted]';

/** Things that look like a secret inside any text. */
const PATTERNS: readonly RegExp[] = [
  /\bsk-[A-Za-z0-9_-]{8,}/g,
  /\bS[UAOCN][A-Z2-7]{56}\b/g,
  /\bAIza[0-9A-Za-z_-]{20,}/g,
  /\b(?:ghp|gho|ghs|glpat|xox[abp])[-_][A-Za-z0-9_-]{16,}/g,
  /\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*/g,
  /(?<=\bBearer\s+)[A-Za-z0-9._~+/=-]{6,}/gi,
  /(?<=\/\/[^\s/:@]*:)[^\s/@]+(?=@)/g,
];

/** A text with everything that looks like a key, token or password taken out. */
export function redactText(text: string): string {
  return PATTERNS.reduce((result, pattern) => result.replace(pattern, CENSORED), text);
}

/** A copy of a log record's fields without secrets, by name and by look, at any depth. Errors become plain fields. */
export function redactFields(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > 8) return '[deeper]';
  if (Array.isArray(value)) return value.map((item) => redactFields(item, depth + 1));
  if (value instanceof Date) return value;
  if (value instanceof Uint8Array) return `[${value.length} bytes]`;
  if (value instanceof Error) return redactFields(errorFields(value), depth);
  const entries = Object.entries(value).map(([name, inner]) => {
    const secret =
      SECRET_NAME.test(name) && (typeof inner === 'string' || (typeof inner === 'object' && inner !== null));
    return [name, secret ? CENSORED : redactFields(inner, depth + 1)];
  });
  return Object.fromEntries(entries);
}

function errorFields(error: Error): Record<string, unknown> {
  const code: unknown = Reflect.get(error, 'code');
  return {
    type: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    stack: error.stack,
    ...(error.cause === undefined ? {} : { cause: error.cause }),
  };
}
