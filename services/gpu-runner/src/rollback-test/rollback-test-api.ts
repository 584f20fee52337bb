import type { Journal } from '@conclave/bus';
import {
  ConclaveError,
  digestOf,
  type EvaluationRequest,
  evaluationWork,
  type RollbackTestResult,
  zodMessage,
} from '@conclave/contracts';
import { EvaluationRecord } from '../evaluation/evaluation-record.ts';
import type { Router } from '../routing/router.ts';
import { type RollbackTestRequest, runRollbackTest, untilFits } from './rollback-test.ts';

export interface RollbackTestsOptions {
  readonly runner: string;
  readonly journal: Pick<Journal, 'read' | 'append'>;
  readonly drainTimeoutMs: number;
  /** @throws CVE_MODEL_UNKNOWN */
  router(model: string): Router;
}

/** Answers requests for this runner's rollback test: done once for an evaluation id, however often it is asked for. */
export class RollbackTests {
  readonly #options: RollbackTestsOptions;
  readonly #running = new Map<string, Promise<RollbackTestResult>>();

  constructor(options: RollbackTestsOptions) {
    this.#options = options;
  }

  /**
   * @param body an EvaluationWork with a request of kind `rollback_test`
   * @throws CVE_REQUEST_INVALID, CVE_MODEL_UNKNOWN; CVE_ROLLOUT_CONFLICT, CVE_INFER_NOT_READY, CVE_INFER_OVERLOADED at a bad moment: once the
   * test had begun, such an attempt is recorded as failed, without a result
   */
  async handle(body: unknown): Promise<RollbackTestResult> {
    const { evaluationId, request } = this.#parse(body);
    const running = this.#running.get(evaluationId) ?? this.#run(evaluationId, request);
    this.#running.set(evaluationId, running);
    try {
      return await running;
    } finally {
      this.#running.delete(evaluationId);
    }
  }

  async #run(evaluationId: string, request: RollbackTestRequest): Promise<RollbackTestResult> {
    const { journal, runner, drainTimeoutMs } = this.#options;
    const record = await EvaluationRecord.open(journal, evaluationId);
    const known = resultOf(record, request);
    if (known !== undefined) return known;
    const router = this.#options.router(request.model);
    await untilFits(router, request);
    const attempt = record.evaluation.attempt + 1;
    await record.started(attempt, { request, runner });
    try {
      const result = await runRollbackTest(router, evaluationId, request, drainTimeoutMs);
      await record.completed({ request, result, runner });
      return resultOf(record, request) ?? result;
    } catch (error) {
      const { code, message } =
        error instanceof ConclaveError ? error : { code: 'CVE_EVALUATION_FAILED', message: String(error) };
      await record.failed(attempt, { request, runner, code, message });
      throw error;
    }
  }

  #parse(body: unknown): { evaluationId: string; request: RollbackTestRequest } {
    const parsed = evaluationWork.safeParse(body);
    if (!parsed.success) throw invalid(zodMessage(parsed.error, body));
    const { evaluationId, request } = parsed.data;
    if (request.kind !== 'rollback_test') throw invalid(`evaluation ${evaluationId} is of kind ${request.kind}`);
    if (request.runner !== this.#options.runner) {
      throw invalid(`it is for runner ${request.runner}, this is ${this.#options.runner}`);
    }
    return { evaluationId, request };
  }
}

function resultOf({ evaluation }: EvaluationRecord, request: EvaluationRequest): RollbackTestResult | undefined {
  const { result, evaluationId } = evaluation;
  if (result === undefined) return undefined;
  if (result.kind !== 'rollback_test' || digestOf(evaluation.request) !== digestOf(request)) {
    throw invalid(`evaluation ${evaluationId} was done for another request; use another id`);
  }
  return result;
}

function invalid(problem: string): ConclaveError {
  return new ConclaveError('CVE_REQUEST_INVALID', `not a rollback test of this runner: ${problem}`);
}
