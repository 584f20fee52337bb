import type { Journal } from '@conclave/bus';
import { aggregates, type EvaluationEvent } from '@conclave/contracts';
import { type Evaluation, foldEvaluation, initialEvaluation } from '@conclave/core';
import { type AggregateWriter, openAggregate, writeAggregate } from '@conclave/service';

type EventOf<T extends EvaluationEvent['type']> = Extract<EvaluationEvent, { type: T }>;

/**
 * The journal of one evaluation. Ids of events follow from the evaluation and the attempt, so that an append that is repeated
 * is recognised.
 */
export class EvaluationRecord {
  readonly #writer: AggregateWriter<Evaluation>;

  private constructor(writer: AggregateWriter<Evaluation>) {
    this.#writer = writer;
  }

  /** @throws CVE_JOURNAL_UNKNOWN_EVENT, CVE_BUS_UNAVAILABLE */
  static async open(journal: Pick<Journal, 'read' | 'append'>, evaluationId: string): Promise<EvaluationRecord> {
    const own = await openAggregate(journal, aggregates.evaluation(evaluationId), {
      initial: initialEvaluation(evaluationId),
      fold: foldEvaluation,
      unread: 'refuse',
    });
    return new EvaluationRecord(writeAggregate(journal, own));
  }

  get evaluation(): Evaluation {
    return this.#writer.state;
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
    const id = `${this.evaluation.evaluationId}/${name}`;
    const event = { id, type, at: new Date().toISOString(), data };
    const events = await this.#writer.commit(({ state }) => (state === 'completed' ? [] : [event]));
    return events.length > 0;
  }
}
