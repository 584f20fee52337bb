import { setTimeout as pause } from 'node:timers/promises';
import { type ApiVerb, ConclaveError, isConclaveError, messageOf, subjects } from '@conclave/contracts';
import type { z } from 'zod';
import { UncertainEffect } from '../uncertain-effect.ts';

/** What asking needs of the bus. */
export interface Requester {
  request(subject: string, body: unknown, options: { readonly timeoutMs: number }): Promise<{ json(): unknown }>;
}

export interface AskOptions {
  readonly signal: AbortSignal;
  /** Milliseconds to go on asking while nobody answers: a change of leader passes in that time. Default 60 000. */
  readonly patienceMs?: number;
}

const ANSWER_TIMEOUT_MS = 10_000;
const RETRY_MS = 500;

/**
 * Makes an idempotent request until it is answered.
 * @throws the coordinator's own error; UncertainEffect when no answer came, since the request may have been carried out.
 */
export async function askCoordinator<A>(
  bus: Requester,
  verb: ApiVerb,
  body: unknown,
  answer: z.ZodType<A>,
  { signal, patienceMs = 60_000 }: AskOptions,
): Promise<A> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    if (signal.aborted) throw new ConclaveError('CVE_CANCELLED', `stopped while asking the coordinator to ${verb}`);
    try {
      const reply = await bus.request(subjects.api(verb), body, { timeoutMs: ANSWER_TIMEOUT_MS });
      return answer.parse(reply.json());
    } catch (error) {
      // A replica that has just stopped leading says so; its successor is asked next.
      const mayPass = isConclaveError(error) && (error.retry === 'retryable' || error.code === 'CVE_LEASE_LOST');
      if (!mayPass) throw error;
      if (performance.now() >= deadline) {
        throw new UncertainEffect(`the coordinator gave no answer to ${verb} in ${patienceMs} ms: ${messageOf(error)}`);
      }
      await pause(error.retryAfterMs ?? RETRY_MS, undefined, { signal }).catch(() => {});
    }
  }
}
