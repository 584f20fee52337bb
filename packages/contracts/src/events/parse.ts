import type { z } from 'zod';
import { ConclaveError } from '../errors.ts';
import type { Commit, RawEvent } from '../journal.ts';
import type { AggregateKind } from '../subjects.ts';
import { zodMessage } from '../zod-message.ts';
import { type ActionEvent, actionEvent } from './actions.ts';
import { type EvaluationEvent, evaluationEvent } from './evaluations.ts';
import { type MeetingEvent, meetingEvent } from './meetings.ts';
import {
  type IncidentEvent,
  incidentEvent,
  type ModelEvent,
  modelEvent,
  type RoadmapEvent,
  roadmapEvent,
} from './registry.ts';
import { type RolloutEvent, rolloutEvent } from './rollouts.ts';
import { type ScheduleEvent, scheduleEvent } from './schedule.ts';

export interface EventOfKind {
  schedule: ScheduleEvent;
  rollouts: RolloutEvent;
  meetings: MeetingEvent;
  actions: ActionEvent;
  evaluations: EvaluationEvent;
  incidents: IncidentEvent;
  models: ModelEvent;
  roadmap: RoadmapEvent;
}

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

/**
 * The typed events of a commit of one kind.
 * @throws CVE_JOURNAL_UNKNOWN_EVENT for a type or shape this version does not know: the reader must halt, not skip.
 */
export function parseCommit<K extends AggregateKind>(kind: K, commit: Commit): Commit<EventOfKind[K]> {
  const schema: z.ZodType<EventOfKind[K]> = SCHEMAS[kind];
  return { ...commit, events: commit.events.map((event) => parseEvent(kind, schema, event, commit.seq)) };
}

/**
 * Refuses events that no reader could read: a bad one fails its writer, not everybody who folds the journal afterwards.
 * @throws CVE_MESSAGE_MALFORMED naming event and field
 */
export function checkEvents(kind: AggregateKind, events: readonly RawEvent[]): void {
  for (const event of events) {
    const parsed = SCHEMAS[kind].safeParse(event);
    if (parsed.success) continue;
    throw new ConclaveError(
      'CVE_MESSAGE_MALFORMED',
      `event ${event.type} does not belong into ${kind}: ${zodMessage(parsed.error, event)}; nothing was recorded`,
    );
  }
}

function parseEvent<E>(kind: AggregateKind, schema: z.ZodType<E>, event: RawEvent, seq: number): E {
  const parsed = schema.safeParse(event);
  if (parsed.success) return parsed.data;
  throw new ConclaveError(
    'CVE_JOURNAL_UNKNOWN_EVENT',
    `commit ${seq} of ${kind} has event ${event.type} that this version cannot read (${zodMessage(parsed.error)}); upgrade this service before it goes on`,
  );
}
