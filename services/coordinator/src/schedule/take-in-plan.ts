import { aggregates, type HandoffAnswer, type Plan } from '@conclave/contracts';
import type { Clock, WorldWriter } from '@conclave/service';
import { intakeEvents } from './intake.ts';
import { isMeetingId } from './meetings.ts';

/** Takes a plan in, once. @throws CVE_HANDOFF_ID_TAKEN, CVE_HANDOFF_NOT_THE_MEETINGS */
export async function takeInPlan(plan: Plan, writer: WorldWriter, clock: Clock): Promise<HandoffAnswer> {
  // A meeting is closed in the journal before its plan is handed off, but the two come here by different ways.
  if (isMeetingId(plan.planId)) await writer.catchUp();
  const events = await writer.commit(aggregates.schedule, (world) => intakeEvents(world, plan, clock.now()));
  return { planId: plan.planId, accepted: events.length === 0 ? 'known' : 'taken_in', actions: plan.actions.length };
}
