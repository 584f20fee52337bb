/** Longest message of the public subjects, and longest arguments of a tool call, bytes. Larger content goes by object reference. */
export const MESSAGE_LIMIT_BYTES = 64 * 1024;

/** Longest commit of the journal, bytes: what several messages bring about may stand in one. */
export const COMMIT_LIMIT_BYTES = 512 * 1024;

/** A limit for people: `64 KB`. */
export function kilobytes(bytes: number): string {
  return `${bytes / 1024} KB`;
}
