import { z } from 'zod';
import { plannedAction } from '../handoff.ts';
import { openObject } from '../open-object.ts';
import { actionOutcome } from './actions.ts';
import { eventOf } from './event.ts';

export const meetingReason = z.enum(['slot', 'incident', 'stage_ready', 'stage_entered', 'backlog_empty', 'requested']);
export type MeetingReason = z.infer<typeof meetingReason>;

/** Events of `conclave.journal.schedule`. Single writer: the leading coordinator. */
export const scheduleEvent = z.discriminatedUnion('type', [
  eventOf('schedule.leader_elected', openObject({ leader: z.string(), leaderEpoch: z.number().int().nonnegative() })),
  eventOf(
    'schedule.meeting_called',
    openObject({
      meetingId: z.string(),
      slot: z.number().int(),
      reason: meetingReason,
      detail: z.string(),
      deadline: z.iso.datetime(),
      /** Keys of what there was to act on; the meeting has dealt with these. */
      agenda: z.array(z.string()).optional(),
    }),
  ),
  eventOf('schedule.meeting_skipped', openObject({ slot: z.number().int(), reason: z.string() })),
  eventOf('schedule.meeting_ended', openObject({ meetingId: z.string(), outcome: z.string() })),
  /** One heartbeat: what it dispatched follows in the same commit. */
  eventOf(
    'schedule.heartbeat',
    openObject({ slot: z.number().int(), drains: z.boolean(), dispatched: z.number().int() }),
  ),
  eventOf(
    'schedule.plan_accepted',
    openObject({
      planId: z.string(),
      digest: z.string(),
      source: z.string(),
      origin: z.enum(['meeting', 'user']),
      actions: z.array(plannedAction),
    }),
  ),
  eventOf('schedule.action_dispatched', openObject({ actionId: z.string(), attempt: z.number().int().min(1) })),
  eventOf('schedule.action_superseded', openObject({ actionId: z.string(), byPlanId: z.string() })),
  eventOf('schedule.action_ended', openObject({ actionId: z.string(), outcome: actionOutcome })),
]);
export type ScheduleEvent = z.infer<typeof scheduleEvent>;

/** Body of `conclave.work.meeting`. */
export const meetingWork = openObject({
  meetingId: z.string(),
  slot: z.number().int(),
  reason: meetingReason,
  detail: z.string(),
  deadline: z.iso.datetime(),
});
export type MeetingWork = z.infer<typeof meetingWork>;

/** Body of `conclave.work.action.<owner>`. */
export const actionWork = openObject({ action: plannedAction, attempt: z.number().int().min(1) });
export type ActionWork = z.infer<typeof actionWork>;
