import type { Job, Journal } from '@conclave/bus';
import {
  type ConclaveConfig,
  ConclaveError,
  type EvaluationRequest,
  type EvaluationWork,
  evaluationWork,
  isConclaveError,
  messageOf,
  type OfflineResult,
  zodMessage,
} from '@conclave/contracts';
import { faultPoint } from '@conclave/service';
import type { Comparison, ToEvaluation } from '../process/child-protocol.ts';
import { measureInProcess } from '../process/evaluation-process.ts';
import { EvaluationRecord } from './evaluation-record.ts';

type OfflineRequest = Extract<EvaluationRequest, { kind: 'offline' }>;
type DeliveredJob = Pick<Job, 'json' | 'deliveryCount' | 'signal'>;

/** Least time in milliseconds between two recorded progress reports. */
const PROGRESS_EVERY_MS = 2000;

export interface OfflineEvaluationsOptions {
  readonly runner: string;
  readonly journal: Pick<Journal, 'read' | 'append'>;
  readonly config: Pick<ConclaveConfig['runner'], 'provider' | 'evaluationPriority'>;
  /** A verified local copy of an artifact directory. @throws CVE_ARTIFACT_* */
  fetchDirectory(digest: string): Promise<string>;
}

/**
 * Works off requests for offline evaluations. A request delivered again is computed anew and counted once; a completed
 * evaluation stays as it is. What is wrong with bundle or dataset ends in `evaluation.failed`; what may pass is tried again.
 */
export class OfflineEvaluations {
  readonly #options: OfflineEvaluationsOptions;
  readonly #measuring = new Set<OfflineRequest>();

  constructor(options: OfflineEvaluationsOptions) {
    this.#options = options;
  }

  /** Digests of the bundles and datasets that are being measured. */
  get inUse(): readonly string[] {
    return [...this.#measuring].flatMap(({ digest, dataset, baseline }) => [
      digest,
      dataset,
      ...(baseline === undefined ? [] : [baseline.digest]),
      ...(baseline?.dataset === undefined ? [] : [baseline.dataset]),
    ]);
  }

  /** @throws CVE_REQUEST_INVALID for what is no request; retryable and cancelled errors, to be delivered again */
  async handle(job: DeliveredJob): Promise<void> {
    const { evaluationId, request } = parseWork(job);
    const { journal, runner } = this.#options;
    const record = await EvaluationRecord.open(journal, evaluationId);
    const { state, attempt: attemptsBefore } = record.evaluation;
    // A failure is final for the message that led to it, but who asks again gets another attempt.
    if (state === 'completed' || (state === 'failed' && job.deliveryCount > 1)) return;
    const attempt = attemptsBefore + 1;
    if (!(await record.started(attempt, { request, runner }))) return;
    this.#measuring.add(request);
    try {
      const result = await this.#measure(request, record, attempt, job.signal);
      await faultPoint('evaluation.before_result');
      await record.completed({ request, result, runner });
      await faultPoint('evaluation.after_result');
    } catch (error) {
      if (!isConclaveError(error) || error.retry !== 'terminal') throw error;
      await record.failed(attempt, { request, runner, code: error.code, message: error.message });
    } finally {
      this.#measuring.delete(request);
    }
  }

  /** Records that a request was given up; what is no request has no record. */
  async giveUp(job: DeliveredJob, reason: unknown): Promise<void> {
    if (isConclaveError(reason, 'CVE_REQUEST_INVALID') || isConclaveError(reason, 'CVE_MESSAGE_MALFORMED')) return;
    const { evaluationId, request } = parseWork(job);
    const { journal, runner } = this.#options;
    const record = await EvaluationRecord.open(journal, evaluationId);
    const code = isConclaveError(reason) ? reason.code : 'CVE_EVALUATION_FAILED';
    await record.failed(Math.max(1, record.evaluation.attempt), { request, runner, code, message: messageOf(reason) });
  }

  async #measure(
    request: OfflineRequest,
    record: EvaluationRecord,
    attempt: number,
    signal: AbortSignal,
  ): Promise<OfflineResult> {
    const startedAt = performance.now();
    const { config } = this.#options;
    const { model, version, digest, dataset, baseline } = request;
    const name = `${model} ${version}`;
    const [bundleDir, datasetDir] = await Promise.all([this.#fetch(name, digest), this.#fetch(name, dataset)]);
    const fetched = await this.#fetchBaseline(request);
    const progress = new ProgressReports((done, total) => record.progressed(attempt, { done, total }));
    const order = {
      name,
      bundleDir,
      datasetDir,
      provider: config.provider,
      priority: config.evaluationPriority,
      seed: `${digest}/${dataset}/${baseline?.digest ?? ''}`,
      ...(fetched === undefined || isConclaveError(fetched) ? {} : { baseline: fetched }),
    };
    const measured = await measureInProcess(order, { signal, onProgress: progress.report }).catch(failEvaluation);
    await progress.ended();
    const { measurement, comparison } = measured;
    const baselineError = isConclaveError(fetched) ? fetched : measured.baselineError;
    return {
      kind: 'offline',
      ...measurement,
      ...comparisonOf(baseline, comparison),
      ...failureOf(baseline, baselineError),
      durationMs: performance.now() - startedAt,
    };
  }

  /** @throws what fetching throws, naming the version that it concerns */
  async #fetch(name: string, digest: string): Promise<string> {
    return await this.#options.fetchDirectory(digest).catch((error: unknown) => {
      throw isConclaveError(error) ? naming(name, error) : error;
    });
  }

  /** The baseline's folders, or why they cannot be had: that costs the comparison alone. @throws what may pass, to be delivered again */
  async #fetchBaseline({
    model,
    dataset,
    baseline,
  }: OfflineRequest): Promise<ToEvaluation['baseline'] | ConclaveError> {
    if (baseline === undefined) return undefined;
    const name = `stable ${model} ${baseline.version}`;
    const own = baseline.dataset === dataset ? undefined : baseline.dataset;
    try {
      const [bundleDir, ownDatasetDir] = await Promise.all([
        this.#fetch(name, baseline.digest),
        own === undefined ? undefined : this.#fetch(name, own),
      ]);
      return { name, bundleDir, ...(ownDatasetDir === undefined ? {} : { ownDatasetDir }) };
    } catch (error) {
      if (!isConclaveError(error) || error.retry !== 'terminal') throw error;
      return error;
    }
  }
}

function comparisonOf(
  baseline: OfflineRequest['baseline'],
  comparison: Comparison | undefined,
): Pick<OfflineResult, 'comparison'> {
  if (baseline === undefined || comparison === undefined) return {};
  const { shared, ...figures } = comparison;
  const isOnOwn = shared !== undefined && baseline.dataset !== undefined;
  const own = isOnOwn ? { baselineDataset: baseline.dataset, shared } : {};
  return { comparison: { baselineVersion: baseline.version, baselineDigest: baseline.digest, ...own, ...figures } };
}

function failureOf(
  baseline: OfflineRequest['baseline'],
  error: ConclaveError | undefined,
): Pick<OfflineResult, 'baselineFailure'> {
  if (baseline === undefined || error === undefined) return {};
  const { code, message } = error;
  return { baselineFailure: { baselineVersion: baseline.version, baselineDigest: baseline.digest, code, message } };
}

/** The error with the version that it concerns. */
function naming(name: string, error: ConclaveError): ConclaveError {
  const text = error.message.replace(/^CVE_\w+: /, '');
  return new ConclaveError(error.code, `${name}: ${text}`, { cause: error });
}

/** Appends progress now and then, one at a time; a report that cannot be stored is of no consequence. */
class ProgressReports {
  readonly #append: (done: number, total: number) => Promise<unknown>;
  #reportedAt = performance.now();
  #appending: Promise<unknown> | undefined;

  constructor(append: (done: number, total: number) => Promise<unknown>) {
    this.#append = append;
  }

  readonly report = (done: number, total: number): void => {
    if (this.#appending !== undefined || performance.now() - this.#reportedAt < PROGRESS_EVERY_MS) return;
    this.#reportedAt = performance.now();
    this.#appending = this.#append(done, total)
      .catch(() => {})
      .finally(() => {
        this.#appending = undefined;
      });
  };

  async ended(): Promise<void> {
    await this.#appending;
  }
}

/** The same model on the same data fails the same way: a failed run ends the evaluation. */
function failEvaluation(error: unknown): never {
  if (!isConclaveError(error, 'CVE_INFER_FAILED') && !isConclaveError(error, 'CVE_INFER_INVALID')) throw error;
  throw new ConclaveError('CVE_EVALUATION_FAILED', messageOf(error).replace(/^CVE_\w+: /, ''), { cause: error });
}

function parseWork(job: DeliveredJob): Omit<EvaluationWork, 'request'> & { request: OfflineRequest } {
  const body = job.json();
  const parsed = evaluationWork.safeParse(body);
  if (!parsed.success) {
    throw new ConclaveError(
      'CVE_REQUEST_INVALID',
      `not a request for an evaluation: ${zodMessage(parsed.error, body)}`,
    );
  }
  const { evaluationId, request } = parsed.data;
  if (request.kind === 'offline') return { evaluationId, request };
  const text = `evaluation ${evaluationId} is a ${request.kind}; ask runner ${request.runner} for it directly`;
  throw new ConclaveError('CVE_REQUEST_INVALID', text);
}
