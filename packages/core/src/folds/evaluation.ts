import {
  type Commit,
  digestOf,
  type EvaluationEvent,
  type EvaluationRequest,
  type EvaluationResult,
} from '@conclave/contracts';

export interface Evaluation {
  readonly evaluationId: string;
  readonly seq: number;
  readonly request: EvaluationRequest | undefined;
  readonly state: 'unknown' | 'running' | 'completed' | 'failed';
  readonly attempt: number;
  readonly progress: { readonly done: number; readonly total: number } | undefined;
  readonly result: EvaluationResult | undefined;
  readonly failure: { readonly code: string; readonly message: string } | undefined;
  readonly runner: string | undefined;
  readonly updatedAt: string | undefined;
}

export function initialEvaluation(evaluationId: string): Evaluation {
  return {
    evaluationId,
    seq: 0,
    request: undefined,
    state: 'unknown',
    attempt: 0,
    progress: undefined,
    result: undefined,
    failure: undefined,
    runner: undefined,
    updatedAt: undefined,
  };
}

/** A completed evaluation stays completed: later events change nothing (an evaluation is counted once). */
export function foldEvaluation(state: Evaluation, commit: Commit<EvaluationEvent>): Evaluation {
  return { ...commit.events.reduce(applyEvaluationEvent, state), seq: commit.seq };
}

function applyEvaluationEvent(state: Evaluation, event: EvaluationEvent): Evaluation {
  if (state.state === 'completed') return state;
  const updatedAt = event.at;
  switch (event.type) {
    case 'evaluation.started':
      return {
        ...state,
        request: event.data.request,
        state: 'running',
        attempt: event.data.attempt,
        runner: event.data.runner,
        failure: undefined,
        updatedAt,
      };
    case 'evaluation.progressed':
      return { ...state, progress: event.data, updatedAt };
    case 'evaluation.completed':
      return {
        ...state,
        request: event.data.request,
        state: 'completed',
        result: event.data.result,
        runner: event.data.runner,
        updatedAt,
      };
    case 'evaluation.failed':
      return {
        ...state,
        request: event.data.request,
        state: 'failed',
        failure: { code: event.data.code, message: event.data.message },
        runner: event.data.runner,
        updatedAt,
      };
  }
}

/**
 * Id of an offline evaluation: the same bundle on the same dataset against the same baseline is one evaluation.
 * A rollback test is one per rollout, stage epoch, runner and attempt.
 */
export function evaluationIdOf(request: EvaluationRequest, attempt = 1): string {
  if (request.kind === 'rollback_test')
    return `rollback-test-${request.rolloutId}-${request.stageEpoch}-${request.runner}-${attempt}`;
  const { digest, dataset, baseline } = request;
  const own =
    baseline?.dataset === undefined || baseline.dataset === dataset ? {} : { baselineDataset: baseline.dataset };
  const identity = digestOf({ digest, dataset, baseline: baseline?.digest ?? null, ...own }).slice(7, 23);
  return `offline-${request.model}-${request.version}-${identity}${attempt === 1 ? '' : `-${attempt}`}`;
}
