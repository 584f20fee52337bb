import { openRoster, type Roster, seatStatus } from '@conclave/agents';
import { openSnapshots, openWorkQueue, publishInbox } from '@conclave/bus';
import {
  type AgentConfig,
  ConclaveError,
  type MeetingWork,
  meetingWork,
  messageOf,
  type SeatStatus,
  subjects,
  toHeaders,
  zodMessage,
} from '@conclave/contracts';
import type { World } from '@conclave/core';
import {
  faultPoint,
  followWorld,
  type RunningService,
  receiving,
  type ServiceContext,
  startSeatReport,
  systemClock,
} from '@conclave/service';
import type { Seat } from './advisors/advisor.ts';
import { seatTeam } from './advisors/team.ts';
import { makeBrief } from './brief/make-brief.ts';
import { readDocuments } from './brief/project-documents.ts';
import { closeFailed, holdMeeting } from './meeting/meeting.ts';
import type { MeetingPorts } from './meeting/meeting-ports.ts';

/** Meetings that one planner holds at a time. */
const CONCURRENCY = 2;
/** How long the call of a meeting may take to show in the followed journal, in milliseconds. */
const CALL_TIMEOUT_MS = 30_000;

/** Follows the journal and holds the meetings that the coordinator calls. */
export async function startPlanner(
  context: Pick<ServiceContext, 'bus' | 'journal' | 'config' | 'instance' | 'log' | 'health'>,
  env: Readonly<NodeJS.ProcessEnv>,
): Promise<RunningService> {
  const { bus, config, journal, log, health, instance } = context;
  const roster = openRoster(Object.values(config.planningTeam), env, {
    now: systemClock.now,
    onLists: () => undefined,
  });
  const team = seatTeam(config, env, roster);
  let halted: string | undefined;
  const follower = await followWorld({
    journal,
    snapshots: openSnapshots(bus),
    onError: (error) => {
      halted = messageOf(error);
      log.error({ reason: halted }, 'the journal cannot be read on');
    },
  });
  const following = receiving(bus, follower);
  health.register('journal', () => (halted === undefined ? following() : { ok: false, detail: halted }));

  const ports: MeetingPorts = {
    journal,
    team,
    planner: instance,
    clock: systemClock,
    faultPoint,
    async makeBrief(work, signal) {
      const world = await follower.waitFor((w) => calls(w, work), {
        timeoutMs: CALL_TIMEOUT_MS,
        signal,
        what: `the call of meeting ${work.meetingId} in the journal`,
      });
      return makeBrief(world, work, systemClock.now(), config, await readDocuments(config.documents));
    },
    async publishHandoff(document, msgId) {
      const time = systemClock.now().toISOString();
      const event = { id: msgId, source: instance, type: subjects.handoff, specversion: '1.0', time } as const;
      await publishInbox(bus, subjects.handoff, document, { msgId, headers: toHeaders(event) });
    },
  };

  const consumer = openWorkQueue(bus).consume({
    name: 'planner',
    filter: subjects.workMeeting,
    concurrency: CONCURRENCY,
    ackWaitMs: config.limits.ackWaitMs,
    maxDeliver: config.limits.maxDeliveries,
    by: instance,
    async handler(job) {
      const work = parseWork(job.json());
      const meeting = await holdMeeting(ports, work, job.signal);
      const { closed } = meeting;
      log.info(
        { meetingId: work.meetingId, outcome: closed?.outcome, actions: closed?.handoff?.actions.length ?? 0 },
        'meeting closed',
      );
    },
    async onDead(job, reason) {
      const parsed = meetingWork.safeParse(job.json());
      if (parsed.success) await closeFailed(ports, parsed.data, reason.message);
    },
  });
  health.register('meetings', receiving(bus, consumer));
  const seats = startSeatReport({
    bus,
    log,
    team: 'planning',
    instance,
    quorum: config.meeting.quorum,
    seats: () => Object.values(team).map((seat) => statusOf(seat, config.planningTeam[seat.role], roster)),
  });

  return {
    async stop() {
      roster.stop();
      await seats.stop();
      await consumer.stop({ graceMs: 0 });
      await follower.stop();
    },
  };
}

/** A chair that the configuration itself leaves empty stays absent, whoever could speak for it. */
function statusOf(seat: Seat, agent: AgentConfig, roster: Roster): SeatStatus {
  const status = seatStatus(seat.role, agent, roster);
  if (!('absent' in seat) || status.state === 'absent') return status;
  return { ...status, state: 'absent', reason: seat.absent, wayOut: `correct planningTeam.${seat.role}` };
}

/** The world once it includes the call of the meeting: the brief is never older than what it was called for. */
function calls(world: World, work: MeetingWork): World | undefined {
  return world.schedule.meetings.some((meeting) => meeting.meetingId === work.meetingId) ? world : undefined;
}

function parseWork(body: unknown): MeetingWork {
  const parsed = meetingWork.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new ConclaveError(
    'CVE_MESSAGE_MALFORMED',
    `a message on ${subjects.workMeeting} calls no meeting: ${zodMessage(parsed.error, body)}; only the coordinator calls meetings`,
  );
}
