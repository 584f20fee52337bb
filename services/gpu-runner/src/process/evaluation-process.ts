import { ConclaveError } from '@conclave/contracts';
import { codedError, startChild } from './child.ts';
import {
  type Comparison,
  type FromEvaluation,
  fromEvaluation,
  type Measurement,
  type ToEvaluation,
} from './child-protocol.ts';

const SCRIPT = new URL('evaluation-child.ts', import.meta.url);

/**
 * A query, or a batch of pictures, takes seconds even at the lowest priority beside a busy model, and reading a large bundle a minute:
 * a process that reports nothing for five is stuck.
 */
const SILENCE_MS = 5 * 60_000;

/** A version measured, and compared with the baseline if one was given: then either `comparison` or `baselineError` is set. */
export interface Measured {
  readonly measurement: Measurement;
  readonly comparison?: Comparison;
  readonly baselineError?: ConclaveError;
}

/**
 * Measures a bundle, and its difference to a baseline if one is given, in a child process of its own. What goes wrong with the
 * baseline, the end of the process included, costs the comparison alone.
 * @param onProgress queries answered so far, and in all
 * @param options.silenceMs milliseconds without progress after which the process is given up. Default five minutes.
 * @throws CVE_CANCELLED when `signal` aborts; CVE_BUNDLE_*, CVE_DATASET_INVALID, CVE_INFER_FAILED; CVE_EVALUATION_FAILED when the process
 * dies or is stuck. Each names the version that it concerns.
 */
export async function measureInProcess(
  order: Omit<ToEvaluation, 'type'>,
  options: { signal: AbortSignal; onProgress(done: number, total: number): void; silenceMs?: number },
): Promise<Measured> {
  const { promise, resolve, reject } = Promise.withResolvers<Measured>();
  const { silenceMs = SILENCE_MS } = options;
  let measurement: Measurement | undefined;
  const fail = (error: ConclaveError): void => {
    if (measurement === undefined) reject(error);
    else resolve({ measurement, baselineError: error });
  };
  /** Whom the process was busy with. */
  const whom = (): string => (measurement === undefined ? order.name : (order.baseline?.name ?? order.name));
  const stuck = setTimeout(() => {
    const text = `${whom()}: the evaluation process made no progress for ${silenceMs} ms; see whether the model runs outside of Conclave`;
    fail(new ConclaveError('CVE_EVALUATION_FAILED', text));
  }, silenceMs);
  const child = startChild<FromEvaluation, ToEvaluation>(SCRIPT, fromEvaluation, {
    onMessage(message) {
      stuck.refresh();
      if (message.type === 'progress') options.onProgress(message.done, message.total);
      else if (message.type === 'measured') {
        measurement = message.measurement;
        if (order.baseline === undefined) resolve({ measurement });
      } else if (message.type === 'compared' && measurement !== undefined)
        resolve({ measurement, comparison: message.comparison });
      else if (message.type === 'failed') fail(codedError(message, 'CVE_EVALUATION_FAILED'));
    },
    onExit: (how) =>
      fail(
        new ConclaveError(
          'CVE_EVALUATION_FAILED',
          `${whom()}: the evaluation process ${how}; see whether memory suffices`,
        ),
      ),
  });
  const cancel = () =>
    reject(new ConclaveError('CVE_CANCELLED', 'the runner is stopping; the evaluation is done again'));
  options.signal.addEventListener('abort', cancel, { once: true });
  if (options.signal.aborted) cancel();
  child.send({ type: 'evaluate', ...order });
  try {
    return await promise;
  } finally {
    clearTimeout(stuck);
    options.signal.removeEventListener('abort', cancel);
    child.kill();
    await child.ended;
  }
}
