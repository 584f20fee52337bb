import { type Commit, parseCommit } from '@conclave/contracts';
import { hasSpoken, type World } from '@conclave/core';

/**
 * Counts over the whole journal, which the world forgets. Replaying the journal gives the same counts, so the counters made of them are
 * monotonic over restarts of this service.
 */
export interface CommitCounts {
  /** By outcome; `skipped` for a slot in which nothing had changed. */
  readonly meetings: ReadonlyMap<string, number>;
  /** By `role|vote`. */
  readonly ballots: ReadonlyMap<string, number>;
  /** By `outcome|tool`; the tool is `none` for an action that used none. */
  readonly actions: ReadonlyMap<string, number>;
}

export interface CommitCounter extends CommitCounts {
  /** @param before the world that the commit meets: what it would not change is not counted either. */
  count(commit: Commit, before: World): void;
}

export function startCounting(): CommitCounter {
  const meetings = new Map<string, number>();
  const ballots = new Map<string, number>();
  const actions = new Map<string, number>();
  const toolOfAction = new Map<string, string>();

  const countSchedule = (commit: Commit, before: World): void => {
    for (const { type, data } of parseCommit('schedule', commit).events) {
      if (type === 'schedule.meeting_skipped') increment(meetings, 'skipped');
      else if (type === 'schedule.plan_accepted') {
        for (const { actionId, tool } of data.actions) if (tool !== undefined) toolOfAction.set(actionId, tool);
      } else if (type === 'schedule.action_ended' || type === 'schedule.action_superseded') {
        if (before.schedule.actions[data.actionId]?.state === 'ended') continue;
        const outcome = type === 'schedule.action_ended' ? data.outcome : 'superseded';
        increment(actions, `${outcome}|${toolOfAction.get(data.actionId) ?? 'none'}`);
        toolOfAction.delete(data.actionId);
      }
    }
  };

  const countMeeting = (commit: Commit, before: World): void => {
    const meeting = before.meetings[commit.aggregate.id];
    if (meeting?.closed !== undefined) return;
    for (const { type, data } of parseCommit('meetings', commit).events) {
      if (type === 'meeting.closed') increment(meetings, data.outcome);
      else if (type === 'meeting.turn_taken') {
        if (meeting !== undefined && hasSpoken(meeting, data.phase, data.role)) continue;
        for (const { vote } of data.ballots ?? []) increment(ballots, `${data.role}|${vote}`);
      }
    }
  };

  return {
    meetings,
    ballots,
    actions,
    count(commit, before) {
      const { kind, id } = commit.aggregate;
      if (kind === 'schedule') countSchedule(commit, before);
      else if (kind === 'meetings') countMeeting(commit, before);
      else if (kind === 'actions') {
        for (const event of parseCommit('actions', commit).events)
          if (event.type === 'action.tool_called') toolOfAction.set(id, event.data.tool);
      }
    },
  };
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
