import { ConclaveError, messageOf } from '@conclave/contracts';
import { tailOf } from './tail.ts';
import { waitUntil } from './wait.ts';

export interface ReadinessTarget {
  readonly name: string;
  /** `http://127.0.0.1:<port>` of the instance. */
  readonly url: string;
  readonly logFile: string;
  /** Says why there is no point in waiting any longer, if there is none. */
  readonly hopelessBecause?: () => string | undefined;
}

/**
 * Resolves when `GET /readyz` of the instance answers 200.
 * @throws CVE_STACK_FAILED after `timeoutMs`, or as soon as waiting is hopeless, with the last answer and the end of the log.
 */
export async function waitUntilReady(target: ReadinessTarget, timeoutMs: number, signal?: AbortSignal): Promise<void> {
  let lastAnswer = 'no answer';
  let isReady = false;
  await waitUntil(
    async () => {
      if (signal?.aborted || target.hopelessBecause?.()) return true;
      const answer = await ask(`${target.url}/readyz`);
      lastAnswer = answer.text;
      isReady = answer.isOk;
      return isReady;
    },
    timeoutMs,
    100,
  );
  if (signal?.aborted) throw new ConclaveError('CVE_CANCELLED', `the start of ${target.name} was cancelled`);
  if (isReady) return;
  throw new ConclaveError(
    'CVE_STACK_FAILED',
    `${target.name} ${target.hopelessBecause?.() ?? `was not ready within ${timeoutMs} ms`} (${target.url}/readyz: ${lastAnswer}); its log is ${target.logFile} and ends with:\n` +
      (await tailOf(target.logFile, 15)),
  );
}

async function ask(url: string): Promise<{ isOk: boolean; text: string }> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    const body = await response.text();
    return { isOk: response.ok, text: `${response.status} ${body.slice(0, 300)}`.trim() };
  } catch (error) {
    return { isOk: false, text: messageOf(error instanceof Error && error.cause ? error.cause : error) };
  }
}
