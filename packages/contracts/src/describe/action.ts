import type { EventOfKind } from '../events/parse.ts';
import { detail, good, type Said, warn } from './said.ts';
import { cut, duration, speakerLabel } from './words.ts';

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
      const met = criteria.filter((c) => c.verdict === 'met').length;
      const judged = criteria.length === 0 ? '' : ` (${met} of ${criteria.length} criteria met)`;
      const line = `action ${id} ${outcome}: ${cut(summary)}${judged}`;
      return outcome === 'succeeded' ? good(line) : outcome === 'superseded' ? detail(line) : warn(line);
    }
  }
}
