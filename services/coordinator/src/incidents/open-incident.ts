import {
  aggregates,
  ConclaveError,
  type IncidentEvent,
  type IncidentReport,
  isConclaveError,
} from '@conclave/contracts';
import type { World } from '@conclave/core';
import type { Clock, WorldWriter } from '@conclave/service';

const MOST_REPORTS_OF_AN_ID = 1000;

/**
 * Opens an incident and returns its id. The same report again, while it is open, is the same incident. Another one under a known id
 * (an alert that fires again, or escalates) is an incident of its own, `<id>-2`, `-3` and so on: a P0 must never be taken for an old one.
 */
export async function openIncident(
  report: IncidentReport,
  fallbackId: string,
  writer: WorldWriter,
  clock: Clock,
): Promise<string> {
  const id = report.id ?? fallbackId;
  // An id made of the message's place is nobody else's: known, even resolved, it is this very message again.
  if (report.id === undefined) {
    await isOpenAs(id, report, writer, clock);
    return id;
  }
  for (let n = 1; n <= MOST_REPORTS_OF_AN_ID; n++) {
    const incidentId = n === 1 ? id : `${id}-${n}`;
    if (await isOpenAs(incidentId, report, writer, clock)) return incidentId;
  }
  throw new ConclaveError(
    'CVE_REQUEST_INVALID',
    `incident ${id} was reported ${MOST_REPORTS_OF_AN_ID} times with different content; report it under another id`,
  );
}

async function isOpenAs(
  incidentId: string,
  { severity, title, detail, model, source }: IncidentReport,
  writer: WorldWriter,
  clock: Clock,
): Promise<boolean> {
  const data = { incidentId, severity, title, detail, source, ...(model === undefined ? {} : { model }) };
  const event: IncidentEvent = {
    id: `incident.opened:${incidentId}`,
    type: 'incident.opened',
    at: clock.now().toISOString(),
    data,
  };
  let same = false;
  const decide = (world: World): IncidentEvent[] => {
    const known = world.incidents[incidentId];
    same =
      known !== undefined &&
      known.resolved === undefined &&
      known.severity === severity &&
      known.title === title &&
      known.detail === detail &&
      known.model === model;
    return known === undefined ? [event] : [];
  };
  try {
    return (await writer.commit(aggregates.incident(incidentId), decide)).length > 0 || same;
  } catch (error) {
    // The world has forgotten this one, which was resolved long ago; the journal has not.
    if (isConclaveError(error, 'CVE_JOURNAL_CONFLICT')) return false;
    throw error;
  }
}
