import type { Bus } from '@conclave/bus';
import { deadLetter } from '@conclave/bus';
import {
  digestOf,
  type IncidentAnswer,
  isConclaveError,
  parseMessage,
  readIncident,
  subjects,
} from '@conclave/contracts';
import type { World } from '@conclave/core';
import type { Clock, WorldWriter } from '@conclave/service';
import { modelNames } from '../registry/registered.ts';
import { openIncident } from './open-incident.ts';
import type { UnreadableReports } from './unreadable-reports.ts';

/*
 * Incident reports, by message and by the API. One that can be read opens its incident; one that cannot holds every model (see
 * `unreadable-reports.ts`) and is refused, its original kept as a dead letter.
 */

export interface IncidentDesk {
  readonly writer: WorldWriter;
  readonly clock: Clock;
  readonly unreadable: UnreadableReports;
  world(): World;
}

/**
 * Takes in a report that came as a message.
 * @param seq its place in the inbox
 * @throws CVE_INCIDENT_INVALID, CVE_MESSAGE_MALFORMED, CVE_MESSAGE_TOO_LARGE when it cannot be read, once that holds; the queue makes a
 * dead letter of it
 */
export async function takeInReport(
  message: { readonly subject: string; readonly body: Uint8Array; readonly seq: number },
  { writer, clock, unreadable, world }: IncidentDesk,
): Promise<void> {
  const { subject, seq } = message;
  try {
    const body = parseMessage(subject, message.body);
    const { report } = readIncident(body, modelNames(world()));
    await openIncident(report, incidentIdOf(body, seq), writer, clock);
  } catch (error) {
    if (isUnreadable(error)) await unreadable.hold(error.message, String(seq));
    throw error;
  }
}

/** Takes in a report whose sender waits for the answer and hears how it was read. */
export async function answerReport(
  body: unknown,
  { writer, clock, unreadable, world }: IncidentDesk,
  { bus, newId, instance }: { readonly bus: Bus; readonly instance: string; newId(): string },
): Promise<IncidentAnswer> {
  try {
    const { report, doubts } = readIncident(body, modelNames(world()));
    const incidentId = await openIncident(report, `incident-${newId()}`, writer, clock);
    return { incidentId, severity: report.severity, model: report.model ?? null, doubts: [...doubts] };
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    const incidentId = await unreadable.hold(error.message, newId());
    const bytes = new TextEncoder().encode(JSON.stringify(body));
    await deadLetter(bus, { subject: subjects.api('open_incident'), bytes, reason: error, by: instance });
    return { incidentId, severity: 'P0', model: null, doubts: [error.message] };
  }
}

/** Whether the report itself is at fault, and not the journal or this leader's term. */
function isUnreadable(error: unknown): error is Error {
  return (
    isConclaveError(error, 'CVE_INCIDENT_INVALID') ||
    isConclaveError(error, 'CVE_MESSAGE_MALFORMED') ||
    isConclaveError(error, 'CVE_MESSAGE_TOO_LARGE')
  );
}

/** An incident's own id, or one made of its content and its place in the stream: a redelivery is the same incident. */
function incidentIdOf(body: unknown, seq: number): string {
  return `incident-${seq}-${digestOf(body).slice(7, 13)}`;
}
