import { type ActionRun, type ScheduledAction, speakerLabel, type World } from '@conclave/core';

/** An action as planned and as it went. */
export function actionView(action: ScheduledAction, run: ActionRun | undefined) {
  return {
    actionId: action.actionId,
    planId: action.planId,
    action: action.action,
    owner: action.owner,
    priority: action.priority,
    origin: action.origin,
    tool: action.tool ?? run?.calls.at(-1)?.tool ?? null,
    successCriteria: action.successCriteria,
    state: stateOf(action, run),
    attempt: action.attempt,
    acceptedAt: action.acceptedAt,
    dispatchedAt: action.dispatchedAt ?? null,
    startedAt: run?.startedAt ?? null,
    endedAt: action.endedAt ?? run?.completed?.at ?? null,
    summary: run?.completed?.summary ?? '',
    criteria: run?.completed?.criteria ?? [],
  };
}

/** With each tool call. */
export function actionDetail(action: ScheduledAction, run: ActionRun | undefined) {
  return {
    ...actionView(action, run),
    args: action.args ?? {},
    dependsOn: action.dependsOn,
    worker: run?.worker ?? null,
    speaker: run?.speaker === undefined ? null : speakerLabel(run.speaker),
    calls: (run?.calls ?? []).map((call) => ({ ...call, returned: call.returned ?? null })),
  };
}

/** `waiting`, `dispatched`, `running`, or how it ended. */
function stateOf(action: ScheduledAction, run: ActionRun | undefined): string {
  const outcome = action.outcome ?? run?.completed?.outcome;
  if (outcome !== undefined) return outcome;
  return action.state === 'dispatched' && run?.startedAt !== undefined ? 'running' : action.state;
}

/** Newest plan first, in the plan's order inside it. */
export function actionViews(world: World) {
  const all = Object.values(world.schedule.actions).map((action) => actionView(action, world.actions[action.actionId]));
  return all.sort((a, b) => (a.acceptedAt === b.acceptedAt ? 0 : a.acceptedAt < b.acceptedAt ? 1 : -1));
}
