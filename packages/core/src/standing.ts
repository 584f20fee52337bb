import { aggregates, entryOf, type ToolName } from '@conclave/contracts';
import { awaitsVote, missingForNextStage, missingInStage, soakSecondsLeft, standingVote } from './eligibility.ts';
import type { Evaluation } from './folds/evaluation.ts';
import { nextStage, type Rollout, type RolloutsState, verdictSetOf } from './folds/rollout.ts';
import type { ScheduledAction } from './folds/schedule-state.ts';
import { sayUnread, unreadOf } from './folds/unread-commits.ts';
import type { World } from './folds/world.ts';
import { isRollbackOrder } from './rollback-order.ts';

/*
 * What an open rollout waits for now, exactly one thing at any moment. Either advisors can act on it, and then it stands on the agenda
 * of the next meeting, or something else has to happen first, and then no meeting is held for it.
 */

/** What advisors can act on; `key` is the same as long as the same is to be done. */
export interface AgendaPoint {
  readonly kind: 'first_stage' | 'evidence' | 'vote' | 'deploy';
  readonly key: string;
  readonly sentence: string;
}

/** `upgrade`: a later version wrote what this one cannot read. `traffic`: requests have to come in. `runners`: the stage is not served yet. `action`: work that is under way. */
export interface Wait {
  readonly kind: 'upgrade' | 'person' | 'hold' | 'soak' | 'traffic' | 'runners' | 'no_go' | 'action';
  readonly sentence: string;
}

export type Standing =
  | { readonly for: 'meeting'; readonly points: readonly AgendaPoint[] }
  | { readonly for: 'other'; readonly wait: Wait };

/** Tools that bring the evidence of a gate; requests bring the rest by themselves. */
const BRINGS: Readonly<Record<string, ToolName>> = {
  evaluation: 'run_evaluation',
  comparison: 'run_evaluation',
  rollback_test: 'run_rollback_test',
};

/**
 * @param staleSeconds a measurement on record as running that says nothing for so long has lost its runner.
 */
export function standingOf(
  world: World,
  state: RolloutsState,
  rollout: Rollout,
  now: Date,
  staleSeconds: number,
): Standing {
  const { definition, stage } = rollout;
  const name = `${definition.model} ${definition.version}`;
  const unread = unreadOf(world, aggregates.rollouts(definition.model));
  if (unread !== undefined)
    return waits('upgrade', `${name}: ${sayUnread(`rollouts/${definition.model}`, unread)}; upgrade the coordinators`);
  const hold = Object.values(state.holds)[0];
  if (hold !== undefined) return waits('hold', `${name} is held (${hold.kind}) by ${hold.by}: ${hold.reason}`);
  const unfinished = unfinishedOn(world, rollout);
  const takenBack = unfinished.find(isRollbackOrder);
  if (takenBack !== undefined) return waits('action', `${name}: ${takenBack.actionId} rolls it back`);

  if (stage === undefined) {
    if (definition.authority === 'observe')
      return waits('person', `${name} only observes (authority: observe): a person deploys it`);
    return unlessUnderWay(name, unfinished, ['deploy_model'], {
      kind: 'first_stage',
      key: `${rollout.rolloutId}:first_stage`,
      sentence: `${rollout.rolloutId} has entered no stage yet; ${nextStage(rollout)} comes first`,
    });
  }
  if (rollout.servingSince === undefined)
    return waits('runners', `${name}: the runners are not ready to serve it in ${stage}`);

  const missing = missingInStage(state, rollout, now);
  const evidence = evidencePoints(world, rollout, unfinished, now, staleSeconds);
  if (evidence.points.length > 0) return { for: 'meeting', points: evidence.points };
  if (evidence.underWay !== undefined) return waits('action', `${name}: ${evidence.underWay}`);
  const soak = missing.find(({ kind }) => kind === 'soak');
  if (soak !== undefined && soakSecondsLeft(rollout, now) > 0) return waits('soak', `${name}: ${soak.sentence}`);
  const [open] = missing;
  if (open !== undefined) return waits('traffic', `${name}: ${open.sentence}`);
  return afterEvidence(state, rollout, unfinished, now);
}

function afterEvidence(
  state: RolloutsState,
  rollout: Rollout,
  unfinished: readonly ScheduledAction[],
  now: Date,
): Standing {
  const { definition, stage, stageEpoch } = rollout;
  const name = `${definition.model} ${definition.version}`;
  const next = nextStage(rollout);
  if (next === undefined) return waits('action', `${name}: everything is earned, it is about to complete`);
  const place = `${rollout.rolloutId}:${stageEpoch}`;
  if (awaitsVote(state, rollout, now)) {
    const set = verdictSetOf(rollout).slice(7, 19);
    const anew = rollout.vote?.lifted === undefined ? '' : `, anew: ${rollout.vote.lifted.reason}`;
    const sentence = `${rollout.rolloutId} has earned a vote in ${stage} on ${set}${anew}`;
    // The same key after a no_go was lifted: who objects again and again is asked ever more rarely.
    return { for: 'meeting', points: [{ kind: 'vote', key: `${place}:vote:${set}`, sentence }] };
  }
  const vote = standingVote(rollout);
  const [obstacle] = missingForNextStage(state, rollout, now);
  if (vote?.decision === 'no_go') return waits('no_go', `${name}: ${obstacle ?? 'a meeting voted no_go'}`);
  if (obstacle !== undefined) return waits('person', `${name}: ${obstacle}`);
  const approved =
    rollout.approval?.approved === true ? `approved by ${rollout.approval.by} at ${rollout.approval.at}` : 'voted';
  return unlessUnderWay(name, unfinished, ['deploy_model'], {
    kind: 'deploy',
    key: `${place}:deploy:${vote?.meetingId ?? ''}:${rollout.approval?.at ?? ''}`,
    sentence: `${rollout.rolloutId} may leave ${stage} for ${next}: ${approved}`,
  });
}

/** Missing evidence that an action can bring and none is bringing, and what is under way instead. */
function evidencePoints(
  world: World,
  rollout: Rollout,
  unfinished: readonly ScheduledAction[],
  now: Date,
  staleSeconds: number,
): { points: AgendaPoint[]; underWay: string | undefined } {
  const points: AgendaPoint[] = [];
  let underWay: string | undefined;
  for (const gate of rollout.definition.gates) {
    const tool = entryOf(BRINGS, gate.source);
    const outcome = rollout.verdicts[gate.name]?.outcome ?? 'pending';
    const decides = !gate.dryRun && rollout.overrides[gate.name] === undefined;
    // A deciding gate that failed ends the rollout by itself.
    if (tool === undefined || !decides || outcome === 'pass' || outcome === 'fail') continue;
    const action = unfinished.find((a) => mayBring(a, tool));
    if (action !== undefined) underWay ??= `${action.actionId} is ${action.state}, for gate ${gate.name}`;
    else if (outcome === 'running' && isRunning(world, rollout, tool, now, staleSeconds))
      underWay ??= `gate ${gate.name} is being measured`;
    else {
      const key = `${rollout.rolloutId}:${rollout.stageEpoch}:gate:${gate.name}:${outcome}`;
      const place = `in ${rollout.stage ?? 'no stage'} (epoch ${rollout.stageEpoch})`;
      const sentence = `${rollout.rolloutId} ${place} lacks ${gate.name} (${outcome})`;
      points.push({ kind: 'evidence', key, sentence });
    }
  }
  return { points, underWay };
}

function isRunning(world: World, rollout: Rollout, tool: ToolName, now: Date, staleSeconds: number): boolean {
  const kind = tool === 'run_rollback_test' ? 'rollback_test' : 'offline';
  return Object.values(world.evaluations).some(
    (evaluation) =>
      evaluation.state === 'running' &&
      evaluation.request?.kind === kind &&
      evaluation.request.digest === rollout.definition.digest &&
      secondsSince(evaluation, now) < staleSeconds,
  );
}

function secondsSince({ updatedAt }: Evaluation, now: Date): number {
  return updatedAt === undefined ? 0 : (now.getTime() - Date.parse(updatedAt)) / 1000;
}

/** Open actions on the candidate, and those whose words alone say what they are about. */
function unfinishedOn(world: World, { definition }: Rollout): ScheduledAction[] {
  const { index, actions } = world.schedule;
  return Object.keys(index.bearing).flatMap((id) => {
    const action = actions[id];
    return action !== undefined && (action.args?.model === undefined || action.args.model === definition.model)
      ? [action]
      : [];
  });
}

function mayBring(action: ScheduledAction, tool: ToolName): boolean {
  return action.tool === tool || action.tool === undefined || action.tool === 'run_python_script';
}

function unlessUnderWay(
  name: string,
  unfinished: readonly ScheduledAction[],
  tools: readonly ToolName[],
  point: AgendaPoint,
): Standing {
  const action = unfinished.find((a) => tools.some((tool) => mayBring(a, tool)));
  if (action !== undefined) return waits('action', `${name}: ${action.actionId} is ${action.state}`);
  return { for: 'meeting', points: [point] };
}

function waits(kind: Wait['kind'], sentence: string): Standing {
  return { for: 'other', wait: { kind, sentence } };
}
