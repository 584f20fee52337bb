import { type ActionOutcome, PRIORITIES } from '@conclave/contracts';
import { isRollbackOrder, type ScheduledAction, type ScheduleState } from '@conclave/core';

/** Index of the slot a moment lies in; slots start at the Unix epoch, so every replica names them alike. */
export function slotOf(now: Date, intervalSeconds: number): number {
  return Math.floor(now.getTime() / 1000 / intervalSeconds);
}

/**
 * Whether a slot is another than the last one on record. One slot back is the clock of a replica that runs a little behind; further back,
 * the interval was lengthened or a clock put right, and waiting for the old number could take for ever.
 */
export function isNewSlot(slot: number, lastSlot: number): boolean {
  return slot > lastSlot || slot < lastSlot - 1;
}

export interface HeartbeatPace {
  readonly heartbeatIntervalSeconds: number;
  readonly meetingIntervalSeconds: number;
  readonly actionsPerHeartbeat: number;
}

export interface HeartbeatPlan {
  readonly slot: number;
  readonly drains: boolean;
  readonly dispatch: readonly ScheduledAction[];
}

/*
 * Dispatch, strictly by priority:
 * 1. Within a plan a level (HIGH, MEDIUM, LOW) starts only when every action of the levels above has ended.
 * 2. An action starts only when all it depends on has succeeded; if one has not, it ends `blocked`.
 * 3. Across plans HIGH goes first, then older plans; an action that has waited `AGEING_HEARTBEATS` rises a level in
 *    that ranking, so that nothing starves.
 * 4. A heartbeat dispatches at most `actionsPerHeartbeat`; the last one before a meeting drains: no limit, and until
 *    the next heartbeat what becomes free is dispatched at once.
 * 5. Taking traffic back waits for nothing but what it depends on: no heartbeat, no level, no limit.
 */

const AGEING_HEARTBEATS = 6;

/** Waiting actions that take traffic back: dispatched as soon as all they depend on has succeeded. */
export function waitingRollbacks(state: ScheduleState): ScheduledAction[] {
  return Object.values(state.actions).filter(
    (action) => action.state === 'waiting' && isRollbackOrder(action) && isUnlocked(action, state),
  );
}

/** What is dispatched now beside rollbacks; undefined when no heartbeat is due. */
export function planHeartbeat(state: ScheduleState, now: Date, pace: HeartbeatPace): HeartbeatPlan | undefined {
  const slot = slotOf(now, pace.heartbeatIntervalSeconds);
  const drains = isLastBeforeMeeting(slot, pace);
  const ready = rank(readyActions(state), now, pace).filter((action) => !isRollbackOrder(action));
  if (isNewSlot(slot, state.lastHeartbeatSlot))
    return { slot, drains, dispatch: drains ? ready : ready.slice(0, pace.actionsPerHeartbeat) };
  return drains && ready.length > 0 ? { slot, drains, dispatch: ready } : undefined;
}

function isLastBeforeMeeting(
  slot: number,
  { heartbeatIntervalSeconds, meetingIntervalSeconds }: HeartbeatPace,
): boolean {
  const nextBeat = (slot + 1) * heartbeatIntervalSeconds;
  return (
    Math.floor(nextBeat / meetingIntervalSeconds) >
    Math.floor((slot * heartbeatIntervalSeconds) / meetingIntervalSeconds)
  );
}

/** Waiting actions whose level and dependencies allow them to start. */
export function readyActions(state: ScheduleState): ScheduledAction[] {
  const byPlan = Map.groupBy(Object.values(state.actions), (action) => action.planId);
  return [...byPlan.values()].flatMap((actions) => {
    const level = PRIORITIES.find((p) => actions.some((a) => a.priority === p && a.state !== 'ended'));
    return actions.filter((a) => a.priority === level && a.state === 'waiting' && isUnlocked(a, state));
  });
}

function isUnlocked({ dependsOn }: ScheduledAction, state: ScheduleState): boolean {
  return dependsOn.every((id) => state.actions[id]?.outcome === 'succeeded');
}

/** Waiting actions that can never start because one they depend on ended without success. */
export function blockedActions(state: ScheduleState): { actionId: string; outcome: ActionOutcome }[] {
  return Object.values(state.actions)
    .filter((a) => a.state === 'waiting')
    .filter((a) =>
      a.dependsOn.some((id) => {
        const dependency = state.actions[id];
        return dependency?.state === 'ended' && dependency.outcome !== 'succeeded';
      }),
    )
    .map(({ actionId }) => ({ actionId, outcome: 'blocked' }));
}

function rank(actions: ScheduledAction[], now: Date, pace: HeartbeatPace): ScheduledAction[] {
  const agedRank = (action: ScheduledAction): number => {
    const waitedSeconds = (now.getTime() - Date.parse(action.acceptedAt)) / 1000;
    const raised = Math.floor(waitedSeconds / (AGEING_HEARTBEATS * pace.heartbeatIntervalSeconds));
    return Math.max(0, PRIORITIES.indexOf(action.priority) - raised);
  };
  return actions.toSorted(
    (a, b) => agedRank(a) - agedRank(b) || (a.acceptedAt < b.acceptedAt ? -1 : a.acceptedAt > b.acceptedAt ? 1 : 0),
  );
}
