import { aggregates, type Severity } from '@conclave/contracts';
import { type DataOf, draft } from './draft.ts';
import { RegistryHistory } from './registry.ts';

/** What went wrong, from the report to its end. */
export abstract class IncidentHistory extends RegistryHistory {
  incident(severity: Severity, change: Partial<DataOf<'incident.opened'>> = {}): this {
    const incidentId = change.incidentId ?? 'incident-1';
    const { model } = this.cast;
    const data = { incidentId, severity, title: 'search is down', detail: '', model, source: 'pager', ...change };
    return this.commit(aggregates.incident(incidentId), draft('incident.opened', data));
  }

  reportedAgain(count = 2, incidentId = 'incident-1'): this {
    return this.commit(aggregates.incident(incidentId), draft('incident.reported_again', { incidentId, count }));
  }

  acknowledged(incidentId = 'incident-1', by = 'ada'): this {
    return this.commit(aggregates.incident(incidentId), draft('incident.acknowledged', { incidentId, by }));
  }

  resolved(incidentId = 'incident-1', reason = 'the cause is gone'): this {
    const data = { incidentId, by: 'ada', reason };
    return this.commit(aggregates.incident(incidentId), draft('incident.resolved', data));
  }
}
