import type { z } from 'zod';
import { ConclaveError } from '../errors.ts';
import type { Commit, RawEvent } from '../journal.ts';
import type { AggregateKind } from '../subjects.ts';
import { zodMessage } from '../zod-message.ts';
import { actionEvent } from './actions.ts';
import { evaluationEvent } from './evaluations.ts';
import type { EventOfKind } from './event-of-kind.ts';
import { unknownNames } from './known-names.ts';
import { meetingEvent } from './meetings.ts';
import { incidentEvent, modelEvent, roadmapEvent } from './registry.ts';
import { rolloutEvent } from './rollouts.ts';
import { scheduleEvent } from './schedule.ts';

const SCHEMAS: { readonly [K in AggregateKind]: z.ZodType<EventOfKind[K]> } = {
  schedule: scheduleEvent,
  rollouts: rolloutEvent,
  meetings: meetingEvent,
  actions: actionEvent,
  evaluations: evaluationEvent,
  incidents: incidentEvent,
  models: modelEvent,
  roadmap: roadmapEvent,
};

/** A commit as this version reads it; `unread` names the first event whose type or shape it does not know. */
export type Reading<K extends AggregateKind> =
  | { readonly commit: Commit<EventOfKind[K]>; readonly unread?: undefined }
  | { readonly unread: { readonly type: string; readonly reason: string } };

/**
 * The typed events of a commit of one kind, all of them or none: they hold together. For readers that go on without what they
 * cannot read.
 */
export function readCommit<K extends AggregateKind>(kind: K, commit: Commit): Reading<K> {
  const schema: z.ZodType<EventOfKind[K]> = SCHEMAS[kind];
  const events: EventOfKind[K][] = [];
  for (const event of commit.events) {
    const parsed = schema.safeParse(event);
    if (!parsed.success) {
      const isKnown = parsed.error.issues.every(({ path }) => path[0] !== 'type');
      return { unread: { type: event.type, reason: isKnown ? zodMessage(parsed.error) : 'an unknown type' } };
    }
    events.push(parsed.data);
  }
  return { commit: { ...commit, events } };
}

/** The events of a commit for readers that only show or count: none of one that this version cannot read. */
export function readableEvents<K extends AggregateKind>(kind: K, commit: Commit): readonly EventOfKind[K][] {
  const reading = readCommit(kind, commit);
  return reading.unread === undefined ? reading.commit.events : [];
}

/**
 * The same for whoever must decide on what the commit is about.
 * @throws CVE_JOURNAL_UNKNOWN_EVENT for a type or shape this version does not know
 */
export function parseCommit<K extends AggregateKind>(kind: K, commit: Commit): Commit<EventOfKind[K]> {
  const reading = readCommit(kind, commit);
  if (reading.unread === undefined) return reading.commit;
  const { type, reason } = reading.unread;
  throw new ConclaveError(
    'CVE_JOURNAL_UNKNOWN_EVENT',
    `commit ${commit.seq} of ${[kind, commit.aggregate.id].join(' ').trim()} has event ${type}, which this version cannot read (${reason}); nothing is decided on it here: upgrade this service`,
  );
}

/**
 * Refuses events that no reader could read, and names that this writer does not know: a bad one fails its writer, not everybody who
 * folds the journal afterwards.
 * @throws CVE_MESSAGE_MALFORMED naming event and field
 */
export function checkEvents(kind: AggregateKind, events: readonly RawEvent[]): void {
  for (const event of events) {
    const parsed = SCHEMAS[kind].safeParse(event);
    const problem = parsed.success ? unknownNames(parsed.data).join('; ') : zodMessage(parsed.error, event);
    if (problem === '') continue;
    throw new ConclaveError(
      'CVE_MESSAGE_MALFORMED',
      `event ${event.type} does not belong into ${kind}: ${problem}; nothing was recorded`,
    );
  }
}
