import type { EventOfKind } from '@conclave/contracts';
import { detail, info, type Said } from './said.ts';
import { actionCounts, counted, spaced } from './words.ts';

export function saySchedule(event: EventOfKind['schedule']): Said {
  switch (event.type) {
    case 'schedule.leader_elected':
      return info(`${event.data.leader} leads, epoch ${event.data.leaderEpoch}`, '*');
    case 'schedule.meeting_called': {
      const { meetingId, reason, detail } = event.data;
      return info(`meeting ${meetingId} called: ${spaced(reason)}${detail === '' ? '' : `, ${detail}`}`);
    }
    case 'schedule.meeting_skipped':
      return detail(`meeting of slot ${event.data.slot} skipped: ${event.data.reason}`);
    case 'schedule.meeting_ended':
      return detail(`meeting ${event.data.meetingId} ended: ${spaced(event.data.outcome)}`);
    case 'schedule.heartbeat': {
      const { slot, dispatched, drains } = event.data;
      return detail(
        `heartbeat ${slot}: ${counted(dispatched, 'action')} dispatched${drains ? ', draining before the meeting' : ''}`,
      );
    }
    case 'schedule.plan_accepted': {
      const { planId, actions, source, origin } = event.data;
      const from = origin === 'user' ? `a user${source === '' ? '' : ` (${source})`}` : source || 'a meeting';
      return info(`handoff ${planId} from ${from}: ${actionCounts(actions)}`, '>');
    }
    case 'schedule.action_dispatched': {
      const { actionId, attempt } = event.data;
      return detail(`action ${actionId} dispatched${attempt > 1 ? `, attempt ${attempt}` : ''}`);
    }
    case 'schedule.action_superseded':
      return detail(`action ${event.data.actionId} superseded by plan ${event.data.byPlanId}`);
    case 'schedule.action_ended':
      return detail(`action ${event.data.actionId} ended: ${event.data.outcome}`);
  }
}
