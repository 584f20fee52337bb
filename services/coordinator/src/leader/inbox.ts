import type { Job, WorkConsumer, WorkQueue } from '@conclave/bus';
import {
  ConclaveError,
  fromHeaders,
  messageOf,
  type Plan,
  parseHandoff,
  parseInsight,
  parseMessage,
  subjects,
} from '@conclave/contracts';
import { faultPoint } from '@conclave/service';
import { type IncidentDesk, takeInReport } from '../incidents/take-in-report.ts';
import { recordInsight } from '../roadmap/record-insight.ts';
import { planIntake } from '../schedule/plan-intake.ts';

export interface InboxParts extends IncidentDesk {
  readonly queue: WorkQueue;
  /** Name of this replica. */
  readonly by: string;
}

/** Messages that are taken in at a time. */
const AT_A_TIME = 4;

/**
 * Brings what users and services submit to where it is taken in. A refusal is a terminal error, which the queue turns into a dead
 * letter with the original bytes. The durable consumer survives leaders: what one has not acknowledged the next one gets.
 */
export function consumeInbox(parts: InboxParts): WorkConsumer {
  const { queue, by, writer, clock } = parts;
  const plans = planIntake(writer, clock);
  // Reports and insights are taken in one after the other, as they came; only plans share commits.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = (act: () => Promise<void>): Promise<void> => {
    const result = last.then(act);
    last = result.catch(() => undefined);
    return result;
  };
  return queue.consume({
    stream: 'inbox',
    name: 'coordinator-inbox',
    filter: [subjects.handoff, subjects.incident, subjects.insight],
    concurrency: AT_A_TIME,
    by,
    async handler(job) {
      await faultPoint('coordinator.before_intake');
      if (job.subject === subjects.handoff) await plans.takeIn(readPlan(job));
      else await inTurn(() => route(job, parts));
      await faultPoint('coordinator.after_intake');
    },
  });
}

async function route(job: Job, parts: InboxParts): Promise<void> {
  const { writer, clock } = parts;
  // Of an incident report not even the envelope is asked for: whatever can be read of it counts.
  if (job.subject === subjects.incident) return await takeInReport(job, parts);
  checkEnvelope(job);
  const body = parseMessage(job.subject, job.body);
  await recordInsight(parseInsight(body), job.seq, writer, clock);
}

function readPlan(job: Job): Plan {
  checkEnvelope(job);
  return parseHandoff(parseMessage(job.subject, job.body));
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
