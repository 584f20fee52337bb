import type { Journal } from '@conclave/bus';
import { aggregates, type EvaluationEvent, isConclaveError, parseCommit } from '@conclave/contracts';
import { type Evaluation, foldEvaluation, initialEvaluation } from '@conclave/core';

type EventOf<T extends EvaluationEvent['type']> = Extract<EvaluationEvent, { type: T }>;

/** Conflicts in a row after which something else than another runner must be wrong. */
const MOST_CONFLICTS = 20;

/**
 * The journal of one evaluation. Ids of events follow from the evaluation and the attempt, so that an append that is repeated
 * is recognised. Appends carry the sequence that this runner has seen; after a conflict the record is read again.
 */
export class EvaluationRecord {
  readonly #journal: Pick<Journal, 'read' | 'append'>;
  #evaluation: Evaluation;

  private constructor(journal: Pick<Journal, 'read' | 'append'>, evaluationId: string) {
    this.#journal = journal;
    this.#evaluation = initialEvaluation(evaluationId);
  }

  /** @throws CVE_JOURNAL_UNKNOWN_EVENT, CVE_BUS_UNAVAILABLE */
  static async open(journal: Pick<Journal, 'read' | 'append'>, evaluationId: string): Promise<EvaluationRecord> {
    const record = new EvaluationRecord(journal, evaluationId);
    await record.#read();
    return record;
  }

  get evaluation(): Evaluation {
    return this.#evaluation;
  }

  started(attempt: number, data: Omit<EventOf<'evaluation.started'>['data'], 'attempt'>): Promise<boolean> {
    return this.#append('evaluation.started', `started/${attempt}`, { ...data, attempt });
  }

  progressed(attempt: number, data: EventOf<'evaluation.progressed'>['data']): Promise<boolean> {
    return this.#append('evaluation.progressed', `progressed/${attempt}/${data.done}`, data);
  }

  completed(data: EventOf<'evaluation.completed'>['data']): Promise<boolean> {
    return this.#append('evaluation.completed', 'completed', data);
  }

  failed(attempt: number, data: EventOf<'evaluation.failed'>['data']): Promise<boolean> {
    return this.#append('evaluation.failed', `failed/${attempt}`, data);
  }

  /** @returns false when the evaluation was completed by someone else: it is counted once */
  async #append<T extends EvaluationEvent['type']>(type: T, name: string, data: EventOf<T>['data']): Promise<boolean> {
    const { evaluationId } = this.#evaluation;
    const event = { id: `${evaluationId}/${name}`, type, at: new Date().toISOString(), data };
    for (let conflicts = 0; this.#evaluation.state !== 'completed'; conflicts++) {
      try {
        await this.#journal.append(aggregates.evaluation(evaluationId), this.#evaluation.seq, [event]);
        await this.#read();
        return true;
      } catch (error) {
        if (!isConclaveError(error, 'CVE_JOURNAL_CONFLICT') || conflicts >= MOST_CONFLICTS) throw error;
        await this.#read();
      }
    }
    return false;
  }

  async #read(): Promise<void> {
    const { evaluationId, seq } = this.#evaluation;
    const commits = await this.#journal.read(aggregates.evaluation(evaluationId), { afterSeq: seq });
    for (const commit of commits) {
      this.#evaluation = foldEvaluation(this.#evaluation, parseCommit('evaluations', commit));
    }
  }
}
