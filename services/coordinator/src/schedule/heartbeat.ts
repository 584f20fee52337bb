import { type ActionOutcome, PRIORITIES, type Priority } from '@conclave/contracts';
import { isOlder, type OpenPlan, type ScheduledAction, type ScheduleState } from '@conclave/core';

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
export function waitingRollbacks({ index, actions }: ScheduleState): ScheduledAction[] {
  return present(Object.keys(index.rollbacks), actions);
}

/**
 * What is dispatched now beside rollbacks; undefined when no heartbeat is due.
 * @param most no more than so many are named, for the rest another turn comes
 */
export function planHeartbeat(
  state: ScheduleState,
  now: Date,
  pace: HeartbeatPace,
  most = Number.POSITIVE_INFINITY,
): HeartbeatPlan | undefined {
  const slot = slotOf(now, pace.heartbeatIntervalSeconds);
  const drains = isLastBeforeMeeting(slot, pace);
  const isNew = isNewSlot(slot, state.lastHeartbeatSlot);
  if (!isNew && !drains) return undefined;
  const dispatch = firstReady(state, now, pace, drains ? most : Math.min(most, pace.actionsPerHeartbeat));
  return isNew || dispatch.length > 0 ? { slot, drains, dispatch } : undefined;
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

/** Waiting actions that can never start because one they depend on ended without success. */
export function blockedActions({ index, actions }: ScheduleState): { actionId: string; outcome: ActionOutcome }[] {
  return present(Object.keys(index.blocked), actions).map(({ actionId }) => ({ actionId, outcome: 'blocked' }));
}

/**
 * The first `most` of what level and dependencies allow to start, in order of rank. Of each level the oldest plan ranks first, however
 * much its age has raised it, so only the heads of the levels have to be compared.
 */
function firstReady(
  { index, actions }: ScheduleState,
  now: Date,
  pace: HeartbeatPace,
  most: number,
): readonly ScheduledAction[] {
  const next = { high: 0, medium: 0, low: 0 };
  const taken: ScheduledAction[] = [];
  while (taken.length < most) {
    let first: { readonly plan: OpenPlan; readonly level: Priority; readonly rank: number } | undefined;
    for (const level of PRIORITIES) {
      const plan = index.open[index.ready[level][next[level]] ?? ''];
      if (plan === undefined) continue;
      const rank = rankOf(level, plan.acceptedAt, now, pace);
      if (first === undefined || rank < first.rank || (rank === first.rank && isOlder(plan, first.plan)))
        first = { plan, level, rank };
    }
    if (first === undefined) break;
    next[first.level]++;
    taken.push(...present(first.plan.ready, actions));
  }
  return taken.slice(0, most);
}

/** The place of a level in the ranking across plans, raised by one for every `AGEING_HEARTBEATS` since the plan's acceptance. */
function rankOf(level: Priority, acceptedAt: string, now: Date, pace: HeartbeatPace): number {
  const waitedSeconds = (now.getTime() - Date.parse(acceptedAt)) / 1000;
  const raised = Math.floor(waitedSeconds / (AGEING_HEARTBEATS * pace.heartbeatIntervalSeconds));
  return Math.max(0, PRIORITIES.indexOf(level) - raised);
}

function present(ids: readonly string[], actions: ScheduleState['actions']): ScheduledAction[] {
  return ids.flatMap((id) => actions[id] ?? []);
}
