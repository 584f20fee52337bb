import {
  describeUnread,
  knownModels,
  quarantinedToLookAt,
  runnerPresence,
  seatingView,
  stageRunners,
} from '@conclave/core';
import type { Observed } from '../observed.ts';
import { actionViews } from './action.ts';
import { byOpening, meetingSummary } from './meeting.ts';
import { rolloutView } from './rollout.ts';

/** A loaded machine writes a heartbeat late. */
const HEARTBEAT_GRACE_MS = 10_000;
const SHOWN = { meetings: 20, actions: 80, incidents: 20, insights: 20 } as const;

/** The whole state in brief: what the status page shows. */
export function worldView(observed: Observed) {
  const { world } = observed.mirror;
  const { schedule } = world;
  const incidents = Object.values(world.incidents).sort((a, b) => (a.openedAt < b.openedAt ? 1 : -1));
  const open = incidents.filter((i) => i.resolved === undefined);
  return {
    seq: world.seq,
    at: observed.now().toISOString(),
    leader: leaderView(observed),
    lastHeartbeatAt: schedule.lastHeartbeatAt ?? null,
    stack: observed.stack,
    runners: observed.runners.present,
    runnerStates: runnerPresence(observed.runners.heard(), stageRunners(world), observed.now()),
    seating: observed.seats === undefined ? null : seatingView(observed.seats.seating),
    rollouts: rolloutViews(observed),
    meetings: Object.values(world.meetings).sort(byOpening).slice(0, SHOWN.meetings).map(meetingSummary),
    skippedMeetings: schedule.skips,
    actions: actionViews(world).slice(0, SHOWN.actions),
    incidents: [...open, ...incidents.filter((i) => i.resolved !== undefined)].slice(0, SHOWN.incidents),
    insights: world.roadmap.insights.slice(0, SHOWN.insights),
    models: Object.values(world.registry).flatMap((entry) => Object.values(entry.versions)),
    unread: describeUnread(world, 'the metrics service'),
    /** Messages of the journal that do not count, until a person has looked at it. */
    quarantined: quarantinedToLookAt(world),
    datasets: Object.values(world.registry).flatMap((entry) => entry.datasets.slice(-1)),
  };
}

/** Who leads. A leader records a heartbeat in every interval; when one is overdue, nobody does its work. */
function leaderView({ mirror, heartbeatIntervalSeconds, now }: Observed) {
  const { leader, leaderEpoch, lastHeartbeatAt } = mirror.world.schedule;
  if (leader === undefined) return null;
  const quietMs = lastHeartbeatAt === undefined ? 0 : now().getTime() - Date.parse(lastHeartbeatAt);
  return { name: leader, epoch: leaderEpoch, silent: quietMs > heartbeatIntervalSeconds * 1000 + HEARTBEAT_GRACE_MS };
}

/** Every model; those with a rollout under way first. */
export function rolloutViews(observed: Observed) {
  const views = knownModels(observed.mirror.world).map((state) => rolloutView(observed, state));
  return views.sort((a, b) => Number(b.current !== null) - Number(a.current !== null) || (a.model < b.model ? -1 : 1));
}
