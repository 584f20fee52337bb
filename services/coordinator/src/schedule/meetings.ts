import {
  awaitsVote,
  type MeetingReason,
  missingForNextStage,
  openRollout,
  verdictSetOf,
  type World,
} from '@conclave/contracts';
import { isNewSlot, slotOf } from './heartbeat.ts';

export interface MeetingPace {
  readonly meetingIntervalSeconds: number;
  readonly earlyMeetingGapSeconds: number;
}

export type MeetingDecision =
  | {
      readonly kind: 'call';
      readonly meetingId: string;
      readonly slot: number;
      readonly reason: MeetingReason;
      readonly detail: string;
    }
  | { readonly kind: 'skip'; readonly slot: number; readonly reason: string };

/**
 * Whether a meeting is called now: at each regular slot unless the last meeting decided and nothing has changed since, and early for a
 * new incident, a stage entered or ready for its vote, or an emptied backlog. A meeting that could not decide (no quorum, no answer in
 * time) is held again at the next regular slot. One meeting at a time. Pure and deterministic: the same journal and time name the same
 * meeting.
 */
export function decideMeeting(world: World, now: Date, pace: MeetingPace): MeetingDecision | undefined {
  const { schedule } = world;
  const last = schedule.meetings[0];
  if (last !== undefined && last.endedAt === undefined) return undefined;
  const slot = slotOf(now, pace.meetingIntervalSeconds);
  const call = (reason: MeetingReason, detail: string): MeetingDecision => ({
    kind: 'call',
    meetingId: nextMeetingId(world, slot),
    slot,
    reason,
    detail,
  });
  if (isNewSlot(slot, schedule.lastMeetingSlot)) {
    if (last === undefined || world.changeSeq > last.calledSeq) return call('slot', `regular meeting of slot ${slot}`);
    if (last.outcome !== 'decided')
      return call('slot', `regular meeting of slot ${slot}, because ${last.meetingId} ended ${last.outcome}`);
    if (anyAwaitsVote(world, now))
      return call('slot', `regular meeting of slot ${slot}, because ${last.meetingId} left a vote open`);
    return { kind: 'skip', slot, reason: `nothing has changed since ${last.meetingId}` };
  }
  const sinceLastSeconds =
    last?.endedAt === undefined ? Number.POSITIVE_INFINITY : (now.getTime() - Date.parse(last.endedAt)) / 1000;
  if (sinceLastSeconds < pace.earlyMeetingGapSeconds) return undefined;
  const early = earlyReason(world, now);
  const alreadyCalled = (e: { reason: MeetingReason; detail: string }): boolean =>
    schedule.meetings.some((m) => m.reason === e.reason && m.detail === e.detail);
  const fresh = early.find((e) => !alreadyCalled(e));
  return fresh === undefined ? undefined : call(fresh.reason, fresh.detail);
}

function anyAwaitsVote(world: World, now: Date): boolean {
  return Object.values(world.rollouts).some((state) => {
    const rollout = openRollout(state);
    return rollout !== undefined && awaitsVote(state, rollout, now);
  });
}

/** The slot and the place in it, counted from the newest: older meetings of a long slot may be forgotten. */
export function nextMeetingId(world: World, slot: number): string {
  const prefix = `${MEETING_PREFIX}${slot}-`;
  const numbers = world.schedule.meetings
    .filter((m) => m.meetingId.startsWith(prefix))
    .map((m) => Number(m.meetingId.slice(prefix.length)));
  return `${prefix}${Math.max(0, ...numbers) + 1}`;
}

const MEETING_PREFIX = 'meeting-';

/** True of the ids of Conclave's own meetings; a handoff under such an id must be that meeting's own. */
export function isMeetingId(planId: string): boolean {
  return /^meeting-\d+-\d+$/.test(planId);
}

function earlyReason(world: World, now: Date): { reason: MeetingReason; detail: string }[] {
  const reasons: { reason: MeetingReason; detail: string }[] = [];
  for (const incident of Object.values(world.incidents)) {
    const urgent = incident.severity === 'P0' || incident.severity === 'P1';
    if (urgent && incident.resolved === undefined)
      reasons.push({ reason: 'incident', detail: `${incident.severity} ${incident.incidentId}: ${incident.title}` });
  }
  for (const state of Object.values(world.rollouts)) {
    const rollout = openRollout(state);
    if (rollout === undefined) continue;
    if (awaitsVote(state, rollout, now)) {
      reasons.push({
        reason: 'stage_ready',
        detail: `${rollout.rolloutId} has earned a vote in ${rollout.stage} on ${verdictSetOf(rollout).slice(7, 19)}`,
      });
    }
    const { approval } = rollout;
    if (approval?.approved === true && missingForNextStage(state, rollout, now).length === 0) {
      const detail = `${rollout.rolloutId} may leave ${rollout.stage}: approved by ${approval.by} at ${approval.at}`;
      reasons.push({ reason: 'stage_ready', detail });
    }
    if (rollout.stage === undefined || rollout.servingSince !== undefined) {
      reasons.push({
        reason: 'stage_entered',
        detail: `${rollout.rolloutId} is in ${rollout.stage ?? 'no stage yet'} (epoch ${rollout.stageEpoch})`,
      });
    }
  }
  const unfinished = Object.values(world.schedule.actions).some((a) => a.state !== 'ended');
  const newestPlan = Object.values(world.schedule.plans).at(-1);
  const anyOpen = Object.values(world.rollouts).some((state) => openRollout(state) !== undefined);
  if (!unfinished && newestPlan !== undefined && anyOpen)
    reasons.push({ reason: 'backlog_empty', detail: `every action of ${newestPlan.planId} has ended` });
  return reasons;
}
