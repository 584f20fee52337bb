import {
  ConclaveError,
  digestOf,
  type HandoffDocument,
  handoffDocument,
  type Plan,
  type ScheduleEvent,
  shortDigest,
} from '@conclave/contracts';
import type { ScheduledAction, ScheduleState, World } from '@conclave/core';
import { isMeetingId } from './meetings.ts';

export type IntakeDecision =
  | { readonly kind: 'known' }
  | { readonly kind: 'take_in'; readonly origin: 'meeting' | 'user'; readonly supersedes: readonly ScheduledAction[] };

/**
 * Whether a plan is new. The same document again is acknowledged; another under the same id is refused.
 * A plan under the id of one of Conclave's meetings counts only if that meeting is on record with exactly this document.
 * @throws CVE_HANDOFF_ID_TAKEN, CVE_HANDOFF_NOT_THE_MEETINGS
 */
export function decideIntake(world: World, plan: Plan): IntakeDecision {
  const known = world.schedule.plans[plan.planId];
  if (known !== undefined) {
    if (known.digest === plan.digest) return { kind: 'known' };
    throw new ConclaveError(
      'CVE_HANDOFF_ID_TAKEN',
      `meeting_id ${plan.planId} was taken in at ${known.acceptedAt} with other content (${shortDigest(known.digest)}, this is ${shortDigest(plan.digest)}); use a new meeting_id`,
    );
  }
  if (!isMeetingId(plan.planId)) return { kind: 'take_in', origin: 'user', supersedes: [] };
  const handoff = world.meetings[plan.planId]?.closed?.handoff;
  if (handoff === undefined || digestOf(handoffDocument.parse(handoff)) !== plan.digest) {
    throw new ConclaveError(
      'CVE_HANDOFF_NOT_THE_MEETINGS',
      `meeting_id ${plan.planId} belongs to a meeting of the planning team, which handed off ${handoff === undefined ? 'nothing' : 'another document'}; use a meeting_id of your own`,
    );
  }
  return { kind: 'take_in', origin: 'meeting', supersedes: supersededBy(world.schedule) };
}

/** What taking a plan in appends: nothing for one that is known. @throws CVE_HANDOFF_ID_TAKEN, CVE_HANDOFF_NOT_THE_MEETINGS */
export function intakeEvents(world: World, plan: Plan, now: Date): ScheduleEvent[] {
  const decision = decideIntake(world, plan);
  if (decision.kind === 'known') return [];
  const at = now.toISOString();
  const { planId, digest, source, actions } = plan;
  return [
    ...decision.supersedes.map(
      ({ actionId }): ScheduleEvent => ({
        id: `schedule.action_superseded:${actionId}`,
        type: 'schedule.action_superseded',
        at,
        data: { actionId, byPlanId: planId },
      }),
    ),
    {
      id: `schedule.plan_accepted:${planId}`,
      type: 'schedule.plan_accepted',
      at,
      data: { planId, digest, source, origin: decision.origin, actions: [...actions] },
    },
  ];
}

/** A new meeting's plan replaces what older meetings planned and nobody started; users' plans stay. */
function supersededBy(schedule: ScheduleState): ScheduledAction[] {
  return Object.values(schedule.actions).filter((a) => a.origin === 'meeting' && a.state === 'waiting');
}

/**
 * The plan of the last meeting that decided, when it was not taken in long after it should have been: what carries it here is only a
 * message. Older meetings' plans it would supersede anyway.
 */
export function lostPlan(world: World, now: Date, afterMs: number): HandoffDocument | undefined {
  const last = world.schedule.meetings.find((meeting) => meeting.outcome === 'decided');
  if (last?.endedAt === undefined || world.schedule.plans[last.meetingId] !== undefined) return undefined;
  const handoff = world.meetings[last.meetingId]?.closed?.handoff;
  if (handoff === undefined || now.getTime() - Date.parse(last.endedAt) < afterMs) return undefined;
  return handoff;
}
