import type { EvaluationRequest, EventOfKind, OfflineResult } from '@conclave/contracts';
import { detail, info, type Said, warn } from './said.ts';
import { bounds, counted, cut, milliseconds } from './words.ts';

export function sayEvaluation(event: EventOfKind['evaluations'], id: string): Said {
  switch (event.type) {
    case 'evaluation.started':
      return detail(`${evaluationLabel(event.data.request)} started on ${event.data.runner}`);
    case 'evaluation.progressed':
      return detail(`evaluation ${id}: ${event.data.done} of ${event.data.total} queries`);
    case 'evaluation.completed': {
      const { request, result } = event.data;
      if (result.kind === 'rollback_test') {
        const line = `${evaluationLabel(request)} ${result.passed ? 'passed' : 'failed'}: ${result.probes - result.failedProbes} of ${result.probes} probes, to stable in ${milliseconds(result.swapToStableMs)}`;
        return result.passed ? info(line) : warn(`${line}; ${cut(result.detail)}`);
      }
      return info(
        `${evaluationLabel(request)}: ${describeMetrics(result)} on ${counted(result.queries, 'query', 'queries')}`,
      );
    }
    case 'evaluation.failed':
      return warn(`${evaluationLabel(event.data.request)} failed: ${event.data.code}: ${cut(event.data.message)}`);
  }
}

function evaluationLabel(request: EvaluationRequest): string {
  const what = `${request.model} ${request.version}`;
  return request.kind === 'offline' ? `evaluation of ${what}` : `rollback test of ${what} on ${request.runner}`;
}

/** NDCG@10, or by their names those that were measured instead. */
function describeMetrics({ metrics }: OfflineResult): string {
  const shown = metrics['ndcg@10'] === undefined ? Object.entries(metrics) : [['ndcg@10', metrics['ndcg@10']] as const];
  return shown
    .map(([name, { value, low, high }]) => `${name} ${value.toFixed(3)} ${bounds(low, high, (v) => v.toFixed(3))}`)
    .join(', ');
}
