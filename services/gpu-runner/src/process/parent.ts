import { isConclaveError, messageOf } from '@conclave/contracts';
import type { z } from 'zod';

/** Answers the parent's messages one at a time, in order; ends this process when the parent is gone. */
export function serveParent<In>(schema: z.ZodType<In>, handle: (message: In) => Promise<void>): void {
  let last: Promise<void> = Promise.resolve();
  process.on('disconnect', () => process.exit(0));
  // Ctrl-C reaches the whole process group; the parent decides when its children end.
  process.on('SIGINT', () => {});
  process.on('message', (message) => {
    last = last.then(() => handle(schema.parse(message)));
    last.catch((error: unknown) => {
      console.error(messageOf(error));
      process.exit(1);
    });
  });
}

/** Sends a message to the parent. */
export function tellParent(message: object): void {
  process.send?.(message);
}

/**
 * Code and text of a failure, as it goes on record.
 * @param fallback code for what is no coded error
 * @param folders their paths on this machine, by the name that stands for them in the text
 */
export function failureOf(
  error: unknown,
  fallback: string,
  folders: Readonly<Record<string, string | undefined>> = {},
): { code: string; message: string } {
  const failure = isConclaveError(error)
    ? { code: error.code, message: error.message }
    : { code: fallback, message: `${fallback}: ${messageOf(error)}` };
  const message = Object.entries(folders).reduce(
    (text, [name, path]) => (path === undefined ? text : text.replaceAll(path, name)),
    failure.message,
  );
  return { ...failure, message };
}
