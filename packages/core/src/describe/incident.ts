import type { EventOfKind } from '@conclave/contracts';
import { bad, good, info, type Said, warn } from './said.ts';

export function sayIncident(event: EventOfKind['incidents']): Said {
  switch (event.type) {
    case 'incident.opened': {
      const { severity, title, model, source, incidentId } = event.data;
      const line = `${severity} incident ${incidentId}${model === undefined ? '' : ` on ${model}`}: ${title}${source === '' ? '' : ` (${source})`}`;
      return severity === 'P0' ? bad(line) : warn(line);
    }
    case 'incident.reported_again':
      return warn(`incident ${event.data.incidentId} reported again, ${event.data.count} times at least`);
    case 'incident.acknowledged':
      return info(`incident ${event.data.incidentId} acknowledged by ${event.data.by}`);
    case 'incident.resolved':
      return good(`incident ${event.data.incidentId} resolved by ${event.data.by}: ${event.data.reason}`);
  }
}
