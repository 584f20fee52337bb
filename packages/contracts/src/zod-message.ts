import type { z } from 'zod';

/** One line for a zod error: each issue as `path: message (got value)`, at most `limit` issues. */
export function zodMessage(error: z.ZodError, input?: unknown, limit = 5): string {
  const lines = error.issues.slice(0, limit).map((issue) => {
    const path = issue.path.length === 0 ? '(whole document)' : issue.path.map(String).join('.');
    const value = input === undefined ? undefined : valueAt(input, issue.path);
    const shown = value === undefined ? '' : ` (got ${brief(value)})`;
    return `${path}: ${issue.message}${shown}`;
  });
  const rest = error.issues.length - limit;
  return rest > 0 ? `${lines.join('; ')}; and ${rest} more` : lines.join('; ');
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value: unknown = input;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}

/** A short rendering of any value for an error message. */
export function brief(value: unknown, limit = 80): string {
  const text = typeof value === 'string' ? `"${value}"` : (JSON.stringify(value) ?? String(value));
  return text.length > limit ? `${text.slice(0, limit - 1)}…` : text;
}
