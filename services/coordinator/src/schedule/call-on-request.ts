import type { ScheduleEvent } from '@conclave/contracts';
import type { World } from '@conclave/core';
import { agendaOf } from './agenda.ts';
import { slotOf } from './heartbeat.ts';
import { agendaKeys, type MeetingPace, nextMeetingId } from './meetings.ts';

/**
 * The call of a meeting that a person asks for; nothing while another is being held. Its agenda is whatever stands on it, so that what
 * it deals with calls no further meeting.
 */
export function callOnRequest(
  world: World,
  detail: string,
  now: Date,
  { meetings: pace }: { readonly meetings: MeetingPace & { readonly meetingDeadlineSeconds: number } },
): ScheduleEvent[] {
  const last = world.schedule.meetings[0];
  if (last !== undefined && last.endedAt === undefined) return [];
  const slot = slotOf(now, pace.meetingIntervalSeconds);
  const meetingId = nextMeetingId(world, slot);
  const deadline = new Date(now.getTime() + pace.meetingDeadlineSeconds * 1000).toISOString();
  const agenda = agendaKeys(agendaOf(world, now, pace.staleSeconds).items, world.schedule.meetings);
  return [
    {
      id: `schedule.meeting_called:${meetingId}`,
      type: 'schedule.meeting_called',
      at: now.toISOString(),
      data: { meetingId, slot, reason: 'requested', detail, deadline, agenda },
    },
  ];
}
