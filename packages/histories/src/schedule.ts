import {
  type ActionOutcome,
  aggregates,
  digestOf,
  type MeetingWork,
  type PlannedAction,
  parseHandoff,
  type StageName,
  type ToolName,
} from '@conclave/contracts';
import { type DataOf, type Draft, draft } from './draft.ts';
import { RolloutHistory } from './rollouts.ts';

/** An action as the coordinator dispatches it. */
export function plannedAction(change: Partial<PlannedAction> = {}): PlannedAction {
  return {
    actionId: 'plan:1',
    planId: 'plan',
    action: 'Deploy V1.1 to shadow environment',
    owner: 'ops_commander',
    priority: 'high',
    estimatedDuration: '',
    successCriteria: '',
    dependsOn: [],
    ...change,
  };
}

/** A meeting as the planner is told of it; its deadline is far off. */
export function meetingWork(change: Partial<MeetingWork> = {}): MeetingWork {
  const deadline = '2026-01-01T00:10:00.000Z';
  return { meetingId: 'meeting-1', slot: 1, reason: 'slot', detail: '', deadline, ...change };
}

/** What the leading coordinator does by the clock: meetings, heartbeats, plans and their actions. */
export abstract class ScheduleHistory extends RolloutHistory {
  elected(leaderEpoch = 1, leader = 'coordinator-0'): this {
    return this.ofSchedule('schedule.leader_elected', { leader, leaderEpoch });
  }

  /** A heartbeat, and what else holds with it. */
  heartbeat(slot: number, change: Partial<DataOf<'schedule.heartbeat'>> = {}, ...more: readonly Draft[]): this {
    const beat = draft('schedule.heartbeat', { slot, drains: false, dispatched: 0, ...change });
    return this.commit(aggregates.schedule, beat, ...more);
  }

  called(change: Partial<DataOf<'schedule.meeting_called'>> = {}): this {
    return this.ofSchedule('schedule.meeting_called', this.calling(change));
  }

  protected calling(change: Partial<DataOf<'schedule.meeting_called'>> = {}): DataOf<'schedule.meeting_called'> {
    const deadline = new Date(this.now.getTime() + 600_000).toISOString();
    return { ...meetingWork({ deadline }), ...change };
  }

  skipped(slot: number, reason = 'nothing has changed'): this {
    return this.ofSchedule('schedule.meeting_skipped', { slot, reason });
  }

  meetingEnded(meetingId: string, outcome = 'decided'): this {
    return this.ofSchedule('schedule.meeting_ended', { meetingId, outcome });
  }

  /** A plan of any actions. */
  accepted(actions: readonly PlannedAction[], change: Partial<DataOf<'schedule.plan_accepted'>> = {}): this {
    const planId = actions[0]?.planId ?? 'plan';
    const source = `planning_${planId}`;
    const digest = digestOf(actions);
    return this.ofSchedule('schedule.plan_accepted', {
      planId,
      digest,
      source,
      origin: 'meeting',
      actions: [...actions],
      ...change,
    });
  }

  /** A plan as it is taken in from a handoff document. */
  handedOff(document: unknown, origin: 'meeting' | 'user' = 'meeting'): this {
    const { planId, digest, source, actions } = parseHandoff(document);
    return this.accepted(actions, { planId, digest, source, origin });
  }

  /** A plan of actions `<planId>:1`, `<planId>:2`, ... with these tools on the candidate. */
  planned(
    planId: string,
    tools: readonly ToolName[],
    { origin = 'meeting', stage = 'shadow' }: { origin?: 'meeting' | 'user'; stage?: StageName } = {},
  ): this {
    const { model, candidate: version } = this.cast;
    const actions = tools.map((tool, index) =>
      plannedAction({
        actionId: `${planId}:${index + 1}`,
        planId,
        action: `do ${tool}`,
        tool,
        args: { model, version, ...(tool === 'deploy_model' ? { stage } : {}) },
      }),
    );
    return this.accepted(actions, { origin });
  }

  dispatched(actionId: string, attempt = 1): this {
    return this.ofSchedule('schedule.action_dispatched', { actionId, attempt });
  }

  superseded(actionId: string, byPlanId: string): this {
    return this.ofSchedule('schedule.action_superseded', { actionId, byPlanId });
  }

  ended(actionId: string, outcome: ActionOutcome = 'succeeded'): this {
    return this.ofSchedule('schedule.action_ended', { actionId, outcome });
  }
}
