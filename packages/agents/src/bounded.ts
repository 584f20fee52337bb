import { ConclaveError, type Speaker } from '@conclave/contracts';

/** Longest answer that is parsed, in bytes: four times what a plan of twenty actions takes. */
export const MAX_ANSWER_BYTES = 256 * 1024;
/** Longest reply that is read off the wire, in bytes: an answer with what JSON and thinking add to it. */
const MAX_REPLY_BYTES = 4 * 1024 * 1024;

/** A reply that has more than this is broken off while it is read, before an SDK parses it. */
export const boundedFetch: typeof fetch = async (input, init) => {
  const response = await fetch(input, init);
  if (response.body === null) return response;
  let bytes = 0;
  const counted = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytes += chunk.byteLength;
        if (bytes > MAX_REPLY_BYTES) controller.error(new ReplyTooLong());
        else controller.enqueue(chunk);
      },
    }),
  );
  const { status, statusText, headers } = response;
  const bounded = new Response(counted, { status, statusText, headers });
  // A response made by hand has no address of its own; SDKs name it in their logs.
  return Object.defineProperty(bounded, 'url', { value: response.url });
};

class ReplyTooLong extends Error {
  constructor() {
    super(`the reply has more than ${MAX_REPLY_BYTES} bytes`);
  }
}

/** @throws CVE_CHAT_OUTPUT_INVALID for an answer that nobody may be made to parse, record or read. */
export function checkLength(speaker: Speaker, text: string): void {
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_ANSWER_BYTES) return;
  throw tooLong(speaker, `${bytes} bytes`);
}

export function tooLong({ adapter, model }: Speaker, size: string): ConclaveError {
  return new ConclaveError(
    'CVE_CHAT_OUTPUT_INVALID',
    `the answer of ${adapter} ${model} has ${size}, at most ${MAX_ANSWER_BYTES} are taken; lower maxOutputTokens or use another model`,
  );
}

/** True where a reply was broken off, however deep an SDK has wrapped that. */
export function isReplyTooLong(error: unknown): boolean {
  if (error instanceof ReplyTooLong) return true;
  return error instanceof Error && error.cause !== undefined && isReplyTooLong(error.cause);
}
