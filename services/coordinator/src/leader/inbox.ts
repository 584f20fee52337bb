import type { Job, WorkConsumer, WorkQueue } from '@conclave/bus';
import {
  aggregates,
  ConclaveError,
  digestOf,
  fromHeaders,
  type HandoffAnswer,
  type IncidentEvent,
  type IncidentReport,
  type InsightNote,
  isConclaveError,
  messageOf,
  type Plan,
  parseHandoff,
  parseInsight,
  parseMessage,
  type RoadmapEvent,
  readIncident,
  subjects,
} from '@conclave/contracts';
import { knownModels, type World } from '@conclave/core';
import { type Clock, faultPoint } from '@conclave/service';
import { intakeEvents } from '../schedule/intake.ts';
import { isMeetingId } from '../schedule/meetings.ts';
import type { UnreadableReports } from './unreadable-reports.ts';
import type { LeaderWriter } from './writer.ts';

export interface InboxParts {
  readonly queue: WorkQueue;
  readonly writer: LeaderWriter;
  readonly clock: Clock;
  readonly unreadable: UnreadableReports;
  /** Name of this replica. */
  readonly by: string;
  world(): World;
}

/**
 * Takes in what users and services submit. A refusal is a terminal error, which the queue turns into a dead letter with
 * the original bytes. The durable consumer survives leaders: what one has not acknowledged the next one gets.
 */
export function consumeInbox(parts: InboxParts): WorkConsumer {
  const { queue, by } = parts;
  return queue.consume({
    stream: 'inbox',
    name: 'coordinator-inbox',
    filter: [subjects.handoff, subjects.incident, subjects.insight],
    concurrency: 1,
    by,
    handler: (job) => (job.subject === subjects.incident ? takeInIncident(job, parts) : takeIn(job, parts)),
  });
}

async function takeIn(job: Job, { writer, clock }: InboxParts): Promise<void> {
  checkEnvelope(job);
  const body = parseMessage(job.subject, job.body);
  await faultPoint('coordinator.before_intake');
  if (job.subject === subjects.handoff) await takeInPlan(parseHandoff(body), writer, clock);
  else await recordInsight(parseInsight(body), job.seq, writer, clock);
  await faultPoint('coordinator.after_intake');
}

/** What cannot be read, a broken envelope apart, holds every model, and is refused only then. */
async function takeInIncident(job: Job, { writer, clock, unreadable, world }: InboxParts): Promise<void> {
  await faultPoint('coordinator.before_intake');
  try {
    const body = parseMessage(job.subject, job.body);
    const { report } = readIncident(body, modelNames(world()));
    await openIncident(report, incidentIdOf(body, job.seq), writer, clock);
  } catch (error) {
    if (isUnreadable(error)) await unreadable.hold(error.message, String(job.seq));
    throw error;
  }
  await faultPoint('coordinator.after_intake');
}

/** Whether the report itself is at fault, and not the journal or this leader's term. */
export function isUnreadable(error: unknown): error is ConclaveError {
  return isConclaveError(error) && UNREADABLE.has(error.code);
}

const UNREADABLE: ReadonlySet<ConclaveError['code']> = new Set([
  'CVE_INCIDENT_INVALID',
  'CVE_MESSAGE_MALFORMED',
  'CVE_MESSAGE_TOO_LARGE',
]);

/** Every model that is registered or on record: what an incident may name. */
export function modelNames(world: World): string[] {
  const registered = Object.values(world.registry).flatMap((entry) =>
    Object.values(entry.versions).map((v) => v.model),
  );
  return [...new Set([...registered, ...knownModels(world).map(({ model }) => model)])];
}

/** A plain JSON body needs no envelope; a CloudEvents envelope that is there must be whole. */
function checkEnvelope(job: Job): void {
  try {
    fromHeaders((name) => job.headers(name));
  } catch (error) {
    throw new ConclaveError(
      'CVE_MESSAGE_MALFORMED',
      `the CloudEvents headers of a message on ${job.subject} are not valid (${messageOf(error)}); send ce-id, ce-source, ce-type and ce-specversion, or none of them`,
      { cause: error },
    );
  }
}

/** Takes a plan in, once. @throws CVE_HANDOFF_ID_TAKEN, CVE_HANDOFF_NOT_THE_MEETINGS */
export async function takeInPlan(plan: Plan, writer: LeaderWriter, clock: Clock): Promise<HandoffAnswer> {
  // A meeting is closed in the journal before its plan is handed off, but the two come here by different ways.
  if (isMeetingId(plan.planId)) await writer.catchUp();
  const events = await writer.commit(aggregates.schedule, (world) => intakeEvents(world, plan, clock.now()));
  return { planId: plan.planId, accepted: events.length === 0 ? 'known' : 'taken_in', actions: plan.actions.length };
}

/** An incident's own id, or one made of its content and its place in the stream: a redelivery is the same incident. */
function incidentIdOf(body: unknown, seq: number): string {
  return `incident-${seq}-${digestOf(body).slice(7, 13)}`;
}

const MOST_REPORTS_OF_AN_ID = 1000;

/**
 * Opens an incident and returns its id. The same report again, while it is open, is the same incident. Another one under a known id
 * (an alert that fires again, or escalates) is an incident of its own, `<id>-2`, `-3` and so on: a P0 must never be taken for an old one.
 */
export async function openIncident(
  report: IncidentReport,
  fallbackId: string,
  writer: LeaderWriter,
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
  writer: LeaderWriter,
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

async function recordInsight(note: InsightNote, seq: number, writer: LeaderWriter, clock: Clock): Promise<void> {
  const insightId = note.id ?? `insight-${seq}`;
  const { text, line, source } = note;
  const event: RoadmapEvent = {
    id: `roadmap.insight_recorded:${insightId}`,
    type: 'roadmap.insight_recorded',
    at: clock.now().toISOString(),
    data: { insightId, text, line, source },
  };
  await writer.commit(aggregates.roadmap, (world) =>
    world.roadmap.insights.some((i) => i.insightId === insightId) ? [] : [event],
  );
}
