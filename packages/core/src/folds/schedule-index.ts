import { entryOf, PRIORITIES, type Priority } from '@conclave/contracts';
import { isRollbackOrder } from '../rollback-order.ts';
import type { ActionRun } from './action.ts';
import type {
  AcceptedPlan,
  KeptPlan,
  OpenPlan,
  Origin,
  ScheduledAction,
  ScheduleIndex,
  ScheduleState,
} from './schedule-state.ts';

/*
 * What the leader asks of the schedule at every turn, kept up to date by the fold, so that a turn costs the same with a hundred and with
 * ten thousand open actions. Each change looks at most at the plan that it belongs to, and a plan holds no more than one document does.
 * Everything here follows from the events and the runs; it is plain JSON, because a snapshot of the state holds it too.
 */

export function initialIndex(): ScheduleIndex {
  return {
    accepted: 0,
    open: {},
    ready: { high: [], medium: [], low: [] },
    rollbacks: {},
    blocked: {},
    runs: {},
    unstarted: {},
    bearing: {},
    ended: 0,
    finished: [],
    idle: { meeting: [], user: [] },
    kept: { meeting: 0, user: 0 },
    newestResults: null,
  };
}

/** Takes an accepted plan in, whose actions are in the state already. */
export function indexPlan(state: ScheduleState, plan: AcceptedPlan, actions: readonly ScheduledAction[]): void {
  const { index } = state;
  index.accepted++;
  index.kept[plan.origin]++;
  const unended = { high: 0, medium: 0, low: 0 };
  for (const action of actions) {
    unended[action.priority]++;
    if (bears(action)) index.bearing[action.actionId] = true;
  }
  index.open[plan.planId] = {
    planId: plan.planId,
    number: index.accepted,
    acceptedAt: plan.acceptedAt,
    actionIds: plan.actionIds,
    rollbackIds: actions.filter(isRollbackOrder).map(({ actionId }) => actionId),
    unended,
    ready: [],
    listed: null,
  };
  if (actions.length === 0) finishPlan(state, plan.planId);
}

/** Tools that neither measure nor move a version. */
const APART: ReadonlySet<string> = new Set(['collect_metrics', 'smoke_test', 'check_file']);

function bears({ tool }: ScheduledAction): boolean {
  return tool === undefined || !APART.has(tool);
}

/** After an action was dispatched, once more or for the first time; `before` is what it was. */
export function indexDispatch(state: ScheduleState, before: ScheduledAction, attempt: number): void {
  const { index } = state;
  const { actionId } = before;
  leaveWaiting(index, actionId);
  if (hasRun(index, actionId)) return;
  if (before.state === 'dispatched') settle(state, before.attempt);
  index.unstarted[attempt] ??= { ids: [], from: 0, unstarted: 0 };
  const queue = index.unstarted[attempt];
  queue.ids.push(actionId);
  queue.unstarted++;
}

/** After an action has ended; `before` is what it was. */
export function indexEnd(state: ScheduleState, before: ScheduledAction): void {
  const { index } = state;
  const { actionId, planId, priority, attempt } = before;
  leaveWaiting(index, actionId);
  if (before.state === 'dispatched' && !hasRun(index, actionId)) settle(state, attempt);
  delete index.runs[actionId];
  delete index.bearing[actionId];
  index.ended++;
  const plan = index.open[planId];
  if (plan === undefined) return;
  plan.unended[priority]--;
  if (PRIORITIES.every((level) => plan.unended[level] === 0)) finishPlan(state, planId);
}

/** Notes how far the executor has come with an action. */
export function noteRun(state: ScheduleState, run: ActionRun): void {
  const { index } = state;
  const { actionId } = run;
  const action = entryOf(state.actions, actionId);
  if (action === undefined || action.state === 'ended') return;
  const startedAt = run.lastStartedAt ?? run.startedAt ?? null;
  const outcome = run.completed?.outcome ?? null;
  if (startedAt === null && outcome === null) return;
  const wasUnstarted = action.state === 'dispatched' && !hasRun(index, actionId);
  index.runs[actionId] = { startedAt, outcome };
  if (wasUnstarted) settle(state, action.attempt);
}

function hasRun({ runs }: ScheduleIndex, actionId: string): boolean {
  return runs[actionId] !== undefined;
}

function leaveWaiting(index: ScheduleIndex, actionId: string): void {
  delete index.rollbacks[actionId];
  delete index.blocked[actionId];
}

/** One action of this attempt is no longer waited for: drops what stands before the first that is. */
function settle(state: ScheduleState, attempt: number): void {
  const { index } = state;
  const queue = index.unstarted[attempt];
  if (queue === undefined) return;
  queue.unstarted--;
  if (queue.unstarted <= 0) {
    delete index.unstarted[attempt];
    return;
  }
  while (queue.from < queue.ids.length && !isUnstarted(state, queue.ids[queue.from], attempt)) queue.from++;
  const rest = queue.ids.length - queue.from;
  if (rest > 2 * queue.unstarted + 64)
    queue.ids = queue.ids.slice(queue.from).filter((id) => isUnstarted(state, id, attempt));
  else if (queue.from > rest + 64) queue.ids = queue.ids.slice(queue.from);
  else return;
  queue.from = 0;
}

function isUnstarted({ index, actions }: ScheduleState, actionId: string | undefined, attempt: number): boolean {
  if (actionId === undefined) return false;
  const action = actions[actionId];
  return action?.state === 'dispatched' && action.attempt === attempt && !hasRun(index, actionId);
}

/**
 * Dispatched actions that nobody has started, oldest dispatch first, as long as `isDue` holds: those of one attempt wait equally long, so
 * the first that is not due ends them.
 */
export function* unstartedWhile(
  state: ScheduleState,
  isDue: (action: ScheduledAction) => boolean,
): Generator<ScheduledAction> {
  for (const [attempt, { ids, from }] of Object.entries(state.index.unstarted)) {
    for (let at = from; at < ids.length; at++) {
      const action = state.actions[ids[at] ?? ''];
      if (action === undefined || !isUnstarted(state, action.actionId, Number(attempt))) continue;
      if (!isDue(action)) break;
      yield action;
    }
  }
}

/** Works out anew what of a plan may start, after something of it has changed. */
export function refreshPlan(state: ScheduleState, planId: string): void {
  const { index, actions } = state;
  const plan = index.open[planId];
  if (plan === undefined) return;
  const level = PRIORITIES.find((p) => plan.unended[p] > 0);
  const ready: string[] = [];
  for (const actionId of plan.actionIds) {
    const action = actions[actionId];
    if (action?.state !== 'waiting') continue;
    const dependencies = action.dependsOn.map((id) => actions[id]);
    if (dependencies.some((on) => on?.state === 'ended' && on.outcome !== 'succeeded')) index.blocked[actionId] = true;
    if (!dependencies.every((on) => on?.outcome === 'succeeded')) continue;
    if (plan.rollbackIds.includes(actionId)) index.rollbacks[actionId] = true;
    else if (action.priority === level) ready.push(actionId);
  }
  plan.ready = ready;
  list(index, plan, ready.length > 0 && level !== undefined ? level : null);
}

function list(index: ScheduleIndex, plan: OpenPlan, level: Priority | null): void {
  if (plan.listed === level) return;
  if (plan.listed !== null) {
    const left = index.ready[plan.listed];
    const at = placeOf(left, plan, index);
    if (at === 0) left.shift();
    else left.splice(at, 1);
  }
  plan.listed = level;
  if (level === null) return;
  const entered = index.ready[level];
  entered.splice(placeOf(entered, plan, index), 0, plan.planId);
}

/** Where a plan stands, or belongs, in a list that is ordered by acceptance. */
function placeOf(planIds: readonly string[], plan: OpenPlan, { open }: ScheduleIndex): number {
  let from = 0;
  let to = planIds.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    const other = open[planIds[middle] ?? ''];
    if (other !== undefined && isOlder(other, plan)) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** Whether a plan comes before another one of the same rank. */
export function isOlder(a: OpenPlan, b: OpenPlan): boolean {
  return a.acceptedAt === b.acceptedAt ? a.number < b.number : a.acceptedAt < b.acceptedAt;
}

function finishPlan(state: ScheduleState, planId: string): void {
  const { index, plans } = state;
  const plan = index.open[planId];
  const accepted = plans[planId];
  if (plan === undefined || accepted === undefined) return;
  list(index, plan, null);
  delete index.open[planId];
  const { number } = plan;
  if (accepted.origin === 'user' && number > (index.newestResults?.number ?? 0))
    index.newestResults = { planId, number };
  if (accepted.actionIds.length > 0) insert(index.finished, { planId, number, forgotten: 0 });
  else insert(index.idle[accepted.origin], { planId, number });
}

function insert<T extends KeptPlan>(plans: T[], plan: T): void {
  let at = plans.length;
  while (at > 0 && (plans[at - 1]?.number ?? 0) > plan.number) at--;
  plans.splice(at, 0, plan);
}

/** Forgets the oldest ended actions beyond `keptEnded`, those of unfinished plans apart. */
export function forgetEnded(state: ScheduleState, keptEnded: number): void {
  const { index, plans } = state;
  const actions: Record<string, ScheduledAction> = state.actions;
  while (index.ended > keptEnded) {
    const [oldest] = index.finished;
    if (oldest === undefined) return;
    const plan = plans[oldest.planId];
    const actionId = plan?.actionIds[oldest.forgotten];
    if (actionId !== undefined && actions[actionId] !== undefined) {
      delete actions[actionId];
      index.ended--;
    }
    oldest.forgotten++;
    if (plan !== undefined && oldest.forgotten < plan.actionIds.length) continue;
    index.finished.shift();
    if (plan !== undefined) insert(index.idle[plan.origin], { planId: oldest.planId, number: oldest.number });
  }
}

/** Forgets the oldest plans without actions on record beyond so many of an origin. */
export function forgetPlans(state: ScheduleState, kept: Readonly<Record<Origin, number>>): void {
  const { index } = state;
  const plans: Record<string, AcceptedPlan> = state.plans;
  for (const origin of ['meeting', 'user'] as const) {
    while (index.kept[origin] > kept[origin]) {
      const oldest = index.idle[origin].shift();
      if (oldest === undefined) break;
      delete plans[oldest.planId];
      index.kept[origin]--;
    }
  }
}
