import type { IncidentEvent } from '@conclave/contracts';
import type { Incident } from './registry.ts';

/** A message that does not count: unsigned, forged, stored again, or none of ours. Everybody passes over it in the same way. */
export interface QuarantinedMessage {
  /** Short name of its stream, e.g. `journal`. */
  readonly stream: string;
  readonly seq: number;
  readonly subject: string;
  readonly storedAt: string;
  /** Completes "it does not count: ...". */
  readonly reason: string;
}

/** What was passed over in the journal, and how far that has been reported for each stream. */
export interface QuarantineState {
  /** Messages of the journal that do not count, since its beginning. */
  readonly count: number;
  /** Oldest first: those that no incident tells of yet, and the newest of the others; at most `KEPT`. */
  readonly messages: readonly QuarantinedMessage[];
  /** Sequence up to which incidents tell of the messages of a stream. */
  readonly reported: Readonly<Record<string, number>>;
}

/** What is kept of a flood; the count, the journal and the dead letters have all of it. */
const KEPT = 1000;
const KEPT_REPORTED = 50;

export function initialQuarantine(): QuarantineState {
  return { count: 0, messages: [], reported: {} };
}

export function foldQuarantined(state: QuarantineState, message: QuarantinedMessage): QuarantineState {
  return trimmed({ ...state, count: state.count + 1, messages: [...state.messages, message] });
}

/** What the events of incidents say of quarantined messages. */
export function foldReports(state: QuarantineState, events: readonly IncidentEvent[]): QuarantineState {
  const reported = { ...state.reported };
  let isTold = false;
  for (const event of events) {
    if (event.type !== 'incident.opened' && event.type !== 'incident.reported_again') continue;
    const told = event.data.quarantined;
    if (told === undefined) continue;
    reported[told.stream] = Math.max(reported[told.stream] ?? 0, told.throughSeq);
    isTold = true;
  }
  return isTold ? trimmed({ ...state, reported }) : state;
}

/** Messages of the journal that no incident tells of yet, oldest first. */
export function unreported({ messages, reported }: QuarantineState): QuarantinedMessage[] {
  return messages.filter(({ stream, seq }) => seq > (reported[stream] ?? 0));
}

/** Id of an incident that tells of a stream's messages, up to the sequence of the first. */
export function quarantineIncidentId(stream: string, firstSeq: number | '' = ''): string {
  return `quarantine-${stream}-${firstSeq}`;
}

/** How many messages of the journal do not count, while a person has not looked at it yet; 0 once its incident is resolved. */
export function quarantinedToLookAt({
  quarantine,
  incidents,
}: {
  readonly quarantine: QuarantineState;
  readonly incidents: Readonly<Record<string, Incident>>;
}): number {
  const prefix = quarantineIncidentId('journal');
  const isOpen = Object.values(incidents).some(
    ({ incidentId, resolved }) => incidentId.startsWith(prefix) && resolved === undefined,
  );
  return isOpen || unreported(quarantine).length > 0 ? quarantine.count : 0;
}

function trimmed(state: QuarantineState): QuarantineState {
  const open = unreported(state);
  const told = state.messages.slice(0, state.messages.length - open.length);
  if (told.length <= KEPT_REPORTED && open.length <= KEPT) return state;
  return { ...state, messages: [...told.slice(-KEPT_REPORTED), ...open.slice(-KEPT)] };
}
