import { type Bus, deadLetter, journalMessage, type Quarantined } from '@conclave/bus';
import { aggregates, ConclaveError, type IncidentEvent } from '@conclave/contracts';
import { type Incident, type QuarantinedMessage, quarantineIncidentId, unreported, type World } from '@conclave/core';
import type { Clock, WorldWriter } from '@conclave/service';

/*
 * Messages that do not count, because nobody who may write there has signed them for that place, are passed over by everybody. A person
 * has to hear of them: somebody tries to forge, or a key is missing on the keyring.
 * 1. Each becomes a dead letter, then a P1 incident tells of it: one for a stream, as long as that is open, whatever their number. P1 holds
 *    nothing: what does not count has done no harm.
 * 2. The incident's event says up to which sequence of the stream it tells. What lies behind that is reported by the next leader, so each
 *    message is reported once however often a process dies; only its dead letter can come twice.
 * 3. Of a flood, what is kept is reported with its reason; the rest is counted.
 */

/** Messages of streams other than the journal that wait for the leader, of each stream. */
const MOST_WAITING = 1000;
/** Messages that an incident names; the dead letters have all. */
const MOST_NAMED = 10;

/** What this replica has passed over beside the journal, for whoever leads to report. */
export class QuarantineBox {
  readonly #waiting = new Map<string, Quarantined[]>();

  /** A message of the journal is in the world and needs no place here. */
  add(message: Quarantined): void {
    if (message.stream === 'journal') return;
    const waiting = this.#waiting.get(message.stream) ?? [];
    if (waiting.some(({ seq }) => seq === message.seq)) return;
    this.#waiting.set(message.stream, [...waiting, message].slice(-MOST_WAITING));
  }

  /** By stream, what lies behind what was reported; the rest is forgotten. */
  behind(reported: Readonly<Record<string, number>>): Map<string, readonly Quarantined[]> {
    for (const [stream, messages] of this.#waiting) {
      const open = messages.filter(({ seq }) => seq > (reported[stream] ?? 0));
      if (open.length === 0) this.#waiting.delete(stream);
      else this.#waiting.set(stream, open);
    }
    return new Map(this.#waiting);
  }
}

export interface QuarantineReporterParts {
  readonly bus: Bus;
  readonly writer: WorldWriter;
  readonly box: QuarantineBox;
  readonly clock: Clock;
  /** Name of this replica. */
  readonly by: string;
  world(): World;
}

/** Reports what is not reported yet; one call at a time. @throws CVE_BUS_UNAVAILABLE, CVE_LEASE_LOST */
export async function reportQuarantined(parts: QuarantineReporterParts): Promise<void> {
  const { quarantine } = parts.world();
  const waiting = new Map<string, readonly QuarantinedMessage[]>(parts.box.behind(quarantine.reported));
  const ofJournal = unreported(quarantine);
  if (ofJournal.length > 0) waiting.set('journal', ofJournal);
  for (const [stream, messages] of waiting) {
    for (const message of messages) await bury(parts, message);
    await tell(parts, stream, messages);
  }
}

async function bury({ bus, by }: QuarantineReporterParts, message: QuarantinedMessage | Quarantined): Promise<void> {
  const { stream, seq, subject, reason } = message;
  const original = 'bytes' in message ? { bytes: message.bytes } : await journalMessage(bus, seq);
  await deadLetter(bus, {
    ...original,
    subject,
    reason: new ConclaveError('CVE_UNAUTHORIZED', `message ${seq} of the ${stream} does not count: ${reason}`),
    by,
    key: `${stream}.${seq}`,
  });
}

async function tell(
  { writer, clock, world }: QuarantineReporterParts,
  stream: string,
  messages: readonly QuarantinedMessage[],
): Promise<void> {
  const [first] = messages;
  const last = messages.at(-1);
  if (first === undefined || last === undefined) return;
  const quarantined = { stream, throughSeq: last.seq };
  const at = clock.now().toISOString();
  const opened = quarantineIncidentId(stream, first.seq);
  const incidentId = (now: World): string => openOne(now, stream)?.incidentId ?? opened;
  for (;;) {
    // Which incident tells of it may change while its turn to write comes.
    const id = incidentId(world());
    let isAnother = false;
    await writer.commit(aggregates.incident(id), (now) => {
      if ((now.quarantine.reported[stream] ?? 0) >= last.seq) return [];
      if (incidentId(now) !== id) {
        isAnother = true;
        return [];
      }
      const open = now.incidents[id];
      const opening = open === undefined ? [openedEvent(id, at, stream, messages, quarantined)] : [];
      const count = (open === undefined ? 0 : (open.reports ?? 1)) + messages.length;
      if (count < 2) return opening;
      const data = { incidentId: id, count, quarantined };
      const again = { id: `incident.reported_again:${id}:${last.seq}`, type: 'incident.reported_again', at, data };
      return [...opening, again];
    });
    if (!isAnother) return;
  }
}

function openedEvent(
  incidentId: string,
  at: string,
  stream: string,
  messages: readonly QuarantinedMessage[],
  quarantined: { stream: string; throughSeq: number },
): IncidentEvent {
  const named = messages.slice(0, MOST_NAMED).map(({ seq, subject, reason }) => `#${seq} ${subject}: ${reason}`);
  const more = messages.length > MOST_NAMED ? [`and ${messages.length - MOST_NAMED} more`] : [];
  return {
    id: `incident.opened:${incidentId}`,
    type: 'incident.opened',
    at,
    data: {
      incidentId,
      severity: 'P1',
      title: `messages on the ${stream} that nobody who may write there has signed`,
      detail: [
        ...named,
        ...more,
        'Everybody passes over them: nothing that they say counts. Somebody tries to forge, or a key is missing on the keyring; the originals: conclave dlq list',
      ].join('\n'),
      source: 'coordinator',
      quarantined,
    },
  };
}

/** The incident that tells of a stream's messages now. */
function openOne({ incidents }: World, stream: string): Incident | undefined {
  return Object.values(incidents).find(
    ({ incidentId, resolved, severity }) =>
      incidentId.startsWith(quarantineIncidentId(stream)) && resolved === undefined && severity === 'P1',
  );
}
