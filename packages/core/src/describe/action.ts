import type { CriterionVerdict, EventOfKind } from '@conclave/contracts';
import { detail, good, type Said, warn } from './said.ts';
import { counted, cut, duration, speakerLabel } from './words.ts';

export function sayAction(event: EventOfKind['actions'], id: string): Said {
  switch (event.type) {
    case 'action.started': {
      const { owner, speaker, attempt } = event.data;
      return detail(
        `${owner}, ${speakerLabel(speaker)}, starts action ${id}${attempt > 1 ? `, attempt ${attempt}` : ''}`,
      );
    }
    case 'action.tool_called':
      return detail(`action ${id} calls ${event.data.tool}: ${cut(event.data.reason)}`);
    case 'action.tool_returned': {
      const { tool, ok, error, durationMs } = event.data;
      const line = `${tool} of action ${id} ${ok ? 'done' : 'failed'} in ${duration(durationMs / 1000)}${error === undefined ? '' : `: ${cut(error)}`}`;
      return ok ? detail(line) : warn(line);
    }
    case 'action.completed': {
      const { outcome, summary, criteria } = event.data;
      const line = `action ${id} ${outcome}: ${cut(summary)}${judgedCriteria(criteria)}`;
      return outcome === 'succeeded' ? good(line) : outcome === 'superseded' ? detail(line) : warn(line);
    }
  }
}

/**
 * ` (1 of 2 criteria met, 1 not judged)`: of those that code could judge. One that it cannot read speaks neither for the outcome nor
 * against it, so it is no criterion that was missed.
 */
function judgedCriteria(criteria: readonly CriterionVerdict[]): string {
  if (criteria.length === 0) return '';
  const of = (verdict: CriterionVerdict['verdict']): number => criteria.filter((c) => c.verdict === verdict).length;
  const judged = of('met') + of('unmet');
  const met = judged === 0 ? [] : [`${of('met')} of ${counted(judged, 'criterion', 'criteria')} met`];
  const rest = of('unjudged');
  const unjudged =
    rest === 0 ? [] : [judged === 0 ? `${counted(rest, 'criterion', 'criteria')} not judged` : `${rest} not judged`];
  return ` (${[...met, ...unjudged].join(', ')})`;
}
