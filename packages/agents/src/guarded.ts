import { ConclaveError, isConclaveError, type Speaker } from '@conclave/contracts';
import type { ChatAnswer, ChatModel, ChatRequest } from './chat-model.ts';

/** What a vendor's adapter does: one call under a signal. It throws ConclaveErrors of its own for what the vendor said. */
export type VendorCall = (request: ChatRequest) => Promise<ChatAnswer>;

/** Adds to a vendor's call what all share: the time limit, and telling a timeout from a cancellation. */
export function guarded(speaker: Speaker, timeoutMs: number, call: VendorCall): ChatModel {
  return {
    speaker,
    async complete(request) {
      const timeout = AbortSignal.timeout(timeoutMs);
      try {
        request.signal.throwIfAborted();
        return await call({ ...request, signal: AbortSignal.any([request.signal, timeout]) });
      } catch (error) {
        const who = `${speaker.adapter} ${speaker.model}`;
        if (request.signal.aborted) throw new ConclaveError('CVE_CANCELLED', `the call of ${who} was cancelled`);
        if (timeout.aborted) {
          throw new ConclaveError(
            'CVE_CHAT_TIMEOUT',
            `${who} gave no answer in ${timeoutMs / 1000} s (timeoutSeconds)`,
          );
        }
        if (isConclaveError(error)) throw error;
        throw new ConclaveError('CVE_CHAT_UNAVAILABLE', `${who} gave an answer that its SDK cannot read`);
      }
    },
  };
}
