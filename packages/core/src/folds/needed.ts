import type { ActionRun } from './action.ts';
import type { Evaluation } from './evaluation.ts';
import type { Meeting } from './meeting.ts';
import type { RegistryEntry } from './registry.ts';
import { openRollout, type Rollout, type RolloutsState } from './rollout.ts';
import type { World } from './world.ts';

/*
 * What open work rests on, and the world therefore keeps whatever comes after it. Each rule says what is looked for there, and each is
 * bounded by what is open.
 */

/** Evaluations kept of one rollout beside those that its gates read now. */
const KEPT_EVALUATIONS = 100;

/**
 * Evaluations that an open rollout is judged by: on its digest and dataset, or tests of this stage epoch. Of more than
 * `KEPT_EVALUATIONS`, the newest; and always the newest result of each runner and against each baseline, which are what gates read.
 */
export function neededEvaluations(world: World, all: ReadonlyMap<string, Evaluation>): Set<string> {
  const needed = new Set<string>();
  const seen = new Map<string, number>();
  for (const [id, evaluation] of newestFirst(all)) {
    const rollout = openRolloutOf(world, evaluation.request?.model);
    if (rollout === undefined || !isEvidence(evaluation, rollout)) continue;
    for (const key of [rollout.rolloutId, ...readingsOf(evaluation)]) {
      const before = seen.get(key) ?? 0;
      seen.set(key, before + 1);
      if (before < (key === rollout.rolloutId ? KEPT_EVALUATIONS : 1)) needed.add(id);
    }
  }
  return needed;
}

/** True of a measurement that an open rollout may still be judged by. */
function isEvidence({ request }: Evaluation, rollout: Rollout): boolean {
  if (request === undefined) return false;
  return request.kind === 'rollback_test'
    ? request.rolloutId === rollout.rolloutId && request.stageEpoch === rollout.stageEpoch
    : request.digest === rollout.definition.digest && request.dataset === rollout.definition.dataset;
}

/** Under what names a gate looks for the newest of several. */
function readingsOf({ request, result }: Evaluation): string[] {
  if (request === undefined) return [];
  if (request.kind === 'rollback_test') return [`test ${request.model} ${request.runner}`];
  if (result?.kind !== 'offline') return [];
  const { comparison, baselineFailure } = result;
  const on = `${request.model} ${request.digest}`;
  return [
    `result ${on}`,
    ...(comparison === undefined
      ? []
      : [`against ${on} ${comparison.baselineDigest} ${comparison.baselineDataset ?? ''}`]),
    ...(baselineFailure === undefined ? [] : [`failure ${on} ${baselineFailure.baselineDigest}`]),
  ];
}

/**
 * Actions that have not ended, and for each open objection the newest success of each tool that it asks for: with it the objection is
 * lifted, whenever somebody leads again.
 */
export function neededActions(world: World, all: ReadonlyMap<string, ActionRun>): Set<string> {
  const needed = new Set<string>();
  for (const id of all.keys()) if (isUnfinished(world, id)) needed.add(id);
  const wanted = openRollouts(world).flatMap((rollout) => {
    const { vote, definition } = rollout;
    if (vote === undefined || vote.lifted !== undefined) return [];
    const tools = (vote.objections ?? []).flatMap(({ needs }) => needs);
    return tools.map((tool) => ({ tool, model: definition.model, sinceSeq: vote.seq }));
  });
  if (wanted.length === 0) return needed;
  const found = new Set<unknown>();
  for (const [id, run] of newestFirst(all))
    for (const wish of wanted) {
      if (found.has(wish) || !hasSucceededWith(run, wish)) continue;
      found.add(wish);
      needed.add(id);
    }
  return needed;
}

/** Whether an action on this model has succeeded with the tool after a commit. */
export function hasSucceededWith(
  run: ActionRun,
  { tool, model, sinceSeq }: { readonly tool: string; readonly model: string; readonly sinceSeq: number },
): boolean {
  return (
    run.seq > sinceSeq &&
    run.completed?.outcome === 'succeeded' &&
    run.calls.some(
      (call) =>
        call.tool === tool &&
        call.returned?.ok === true &&
        (call.args.model === undefined || call.args.model === model),
    )
  );
}

/** The newest meeting that decided on each open rollout in its stage epoch: its votes may not be on record yet. */
export function neededMeetings(world: World, all: ReadonlyMap<string, Meeting>): Set<string> {
  const needed = new Set<string>();
  const open = new Map(openRollouts(world).map((rollout) => [rollout.rolloutId, rollout.stageEpoch]));
  for (const [id, { closed }] of newestFirst(all))
    for (const { rolloutId, stageEpoch } of closed?.decisions ?? []) {
      if (open.get(rolloutId) !== stageEpoch) continue;
      open.delete(rolloutId);
      needed.add(id);
    }
  return needed;
}

/** Registrations of models that serve or are rolled out, and of the datasets that they search. */
export function neededRegistrations(world: World, all: ReadonlyMap<string, RegistryEntry>): Set<string> {
  const datasets = new Set(Object.values(world.rollouts).flatMap((state) => [...inUse(state).datasets]));
  const needed = new Set<string>();
  for (const [key, entry] of all)
    if (Object.hasOwn(world.rollouts, key) || entry.datasets.some(({ digest }) => datasets.has(digest)))
      needed.add(key);
  return needed;
}

/** Digests of the bundles and datasets that a model serves, may be taken back to, or rolls out. */
export function inUse(state: RolloutsState): { readonly bundles: Set<string>; readonly datasets: Set<string> } {
  const served = [state.stable, state.previousStable, openRollout(state)?.definition].filter((v) => v !== undefined);
  return {
    bundles: new Set(served.map(({ digest }) => digest)),
    datasets: new Set(served.map(({ dataset }) => dataset)),
  };
}

function isUnfinished({ schedule }: World, actionId: string): boolean {
  const action = schedule.actions[actionId];
  return action !== undefined && action.state !== 'ended';
}

function openRollouts(world: World): Rollout[] {
  return Object.values(world.rollouts).flatMap((state) => openRollout(state) ?? []);
}

function openRolloutOf(world: World, model: string | undefined): Rollout | undefined {
  const state = model === undefined ? undefined : world.rollouts[model];
  return state === undefined ? undefined : openRollout(state);
}

function newestFirst<T extends { readonly seq: number }>(all: ReadonlyMap<string, T>): [string, T][] {
  return [...all].sort(([, a], [, b]) => b.seq - a.seq);
}
