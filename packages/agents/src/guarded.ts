import { ConclaveError, isConclaveError, type Speaker } from '@conclave/contracts';
import { isReplyTooLong, tooLong } from './bounded.ts';

/**
 * Adds to a call of a vendor what all share: the time limit, and telling a timeout from a cancellation.
 * @param call throws ConclaveErrors of its own for what the vendor said.
 */
export async function guarded<T>(
  speaker: Speaker,
  timeoutMs: number,
  cancelled: AbortSignal,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const timeout = AbortSignal.timeout(Math.max(1, Math.ceil(timeoutMs)));
  const who = `${speaker.adapter} ${speaker.model}`;
  try {
    cancelled.throwIfAborted();
    return await call(AbortSignal.any([cancelled, timeout]));
  } catch (error) {
    if (cancelled.aborted) throw new ConclaveError('CVE_CANCELLED', `the call of ${who} was cancelled`);
    if (timeout.aborted) {
      const seconds = Math.round(timeoutMs / 100) / 10;
      throw new ConclaveError('CVE_CHAT_TIMEOUT', `${who} gave no answer in ${seconds} s (timeoutSeconds)`);
    }
    if (isConclaveError(error)) throw error;
    if (isReplyTooLong(error)) throw tooLong(speaker, 'no end in sight');
    throw new ConclaveError('CVE_CHAT_UNAVAILABLE', `${who} gave an answer that its SDK cannot read`);
  }
}
