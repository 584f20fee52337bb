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

/** Code and text of a failure; `fallback` for what is no coded error. */
export function failureOf(error: unknown, fallback: string): { code: string; message: string } {
  if (isConclaveError(error)) return { code: error.code, message: error.message };
  return { code: fallback, message: `${fallback}: ${messageOf(error)}` };
}
