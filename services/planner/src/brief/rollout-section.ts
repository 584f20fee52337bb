import {
  decidingGates,
  type Evaluation,
  missingInStage,
  nextStage,
  openP0Incidents,
  openRollout,
  type Rollout,
  type RolloutsState,
  type ScheduledAction,
  soakSecondsLeft,
  soakSecondsOf,
  standingVote,
  verdictSetOf,
  type World,
} from '@conclave/core';
import type { AttemptBrief, EvaluationBrief, GateBrief, RolloutBrief } from './schema.ts';

/** Newest kept of each list; a brief must not grow with the history. */
const KEPT = { evaluations: 20, attempts: 40 } as const;

/** The open rollout of a model as advisors see it at `now`; null when none is open. */
export function rolloutSection(world: World, state: RolloutsState, now: Date): RolloutBrief | null {
  const rollout = openRollout(state);
  if (rollout === undefined) return null;
  const { definition } = rollout;
  const verdictSet = verdictSetOf(rollout);
  return {
    rolloutId: rollout.rolloutId,
    model: definition.model,
    version: definition.version,
    digest: definition.digest,
    dataset: definition.dataset,
    datasetName: definition.datasetName,
    authority: definition.authority,
    phase: rollout.phase === 'applied' ? 'applied' : 'progressing',
    stage: rollout.stage ?? null,
    stageEpoch: rollout.stageEpoch,
    nextStage: nextStage(rollout) ?? null,
    enteredAt: rollout.enteredAt ?? null,
    servingSince: rollout.servingSince ?? null,
    soakSeconds: soakSecondsOf(rollout),
    soakLeftSeconds: soakLeft(rollout, now),
    verdictSet,
    gates: gateSections(rollout),
    missing: rollout.stage === undefined ? [] : missingInStage(state, rollout, now),
    openP0: openP0Incidents(world, definition.model).map((incident) => `${incident.incidentId}: ${incident.title}`),
    vote:
      rollout.vote === undefined
        ? null
        : {
            meetingId: rollout.vote.meetingId,
            decision: rollout.vote.decision,
            onThisVerdictSet: rollout.vote.verdictSet === verdictSet,
          },
    votable: standingVote(rollout) === undefined,
    objections: (standingVote(rollout)?.objections ?? []).map(({ role, reason, needs, until }) => ({
      role,
      reason: reason.slice(0, 600),
      needs,
      until,
    })),
    approval:
      rollout.approval === undefined || rollout.approval.verdictSet !== verdictSet
        ? null
        : { by: rollout.approval.by, approved: rollout.approval.approved, reason: rollout.approval.reason },
    evaluations: evaluationsOf(world, state, rollout),
    attempts: attemptsOf(world, rollout),
  };
}

function gateSections(rollout: Rollout): GateBrief[] {
  const deciding = new Set(decidingGates(rollout));
  return rollout.definition.gates.map((gate): GateBrief => {
    const verdict = rollout.verdicts[gate.name];
    const override = rollout.overrides[gate.name];
    return {
      name: gate.name,
      source: gate.source,
      metric: gate.metric,
      operator: gate.operator,
      threshold: gate.threshold,
      decides: deciding.has(gate.name),
      outcome: verdict?.outcome ?? 'pending',
      value: verdict?.value ?? null,
      interval: verdict?.interval ?? null,
      samples: verdict?.samples ?? 0,
      minSamples: verdict?.minSamples ?? gate.minSamples ?? 0,
      sentence: verdict?.sentence ?? 'not measured in this stage epoch yet',
      overridden: override ?? null,
    };
  });
}

/** In tenths of a second, rounded up; null until the stage serves. */
function soakLeft(rollout: Rollout, now: Date): number | null {
  return rollout.servingSince === undefined ? null : Math.ceil(soakSecondsLeft(rollout, now) * 10) / 10;
}

function evaluationsOf(world: World, state: RolloutsState, rollout: Rollout): EvaluationBrief[] {
  const all = Object.values(world.evaluations).flatMap((evaluation): EvaluationBrief[] => {
    const { request, state: progress } = evaluation;
    if (request === undefined || progress === 'unknown' || !concerns(evaluation, rollout)) return [];
    const comparesStable =
      request.kind === 'offline' && (state.stable === undefined || request.baseline?.digest === state.stable.digest);
    const { evaluationId } = evaluation;
    return [{ evaluationId, kind: request.kind, state: progress, comparesStable, detail: detailOf(evaluation) }];
  });
  return all.slice(-KEPT.evaluations);
}

/** True for measurements of exactly this digest on the pinned dataset, or of this stage epoch. */
function concerns({ request }: Evaluation, rollout: Rollout): boolean {
  if (request === undefined) return false;
  if (request.kind === 'rollback_test') {
    return request.rolloutId === rollout.rolloutId && request.stageEpoch === rollout.stageEpoch;
  }
  return request.digest === rollout.definition.digest && request.dataset === rollout.definition.dataset;
}

function detailOf({ state, progress, result, failure }: Evaluation): string {
  if (failure !== undefined) return `${failure.code}: ${failure.message}`.slice(0, 300);
  if (result?.kind === 'offline') {
    const measured = Object.entries(result.metrics).map(
      ([name, { value, low, high }]) =>
        `${name.toUpperCase()} ${value.toFixed(4)} [${low.toFixed(4)}, ${high.toFixed(4)}]`,
    );
    const difference = result.comparison?.difference;
    const against =
      difference === undefined
        ? ''
        : `, ${signed(difference.value)} [${signed(difference.low)}, ${signed(difference.high)}] against ${result.comparison?.baselineVersion}`;
    return `${measured[0] ?? 'nothing measured'} on ${result.queries} queries${against}`;
  }
  if (result?.kind === 'rollback_test') {
    return `${result.passed ? 'passed' : 'failed'}: ${result.failedProbes} of ${result.probes} probes failed, stable after ${Math.round(result.swapToStableMs)} ms`;
  }
  return progress === undefined ? state : `${state}, ${progress.done} of ${progress.total}`;
}

function signed(value: number): string {
  return `${value < 0 ? '' : '+'}${value.toFixed(4)}`;
}

/** Actions on exactly this candidate that are open, or were tried since the present stage (or the rollout) began. */
function attemptsOf(world: World, rollout: Rollout): AttemptBrief[] {
  const since = rollout.enteredAt ?? rollout.appliedAt;
  const { model, version } = rollout.definition;
  const all = Object.values(world.schedule.actions).flatMap((action): AttemptBrief[] => {
    const { tool, args } = action;
    if (tool === undefined || args?.model !== model) return [];
    if (args.version !== undefined && args.version !== version) return [];
    if (action.state === 'ended' && begunAt(action) < since) return [];
    const stage = typeof args.stage === 'string' ? args.stage : null;
    const { actionId, origin, state, outcome } = action;
    return [{ actionId, tool, stage, origin, state, outcome: outcome ?? null }];
  });
  return [
    ...all.filter(({ state }) => state !== 'ended').slice(-KEPT.attempts),
    ...all.filter(({ state }) => state === 'ended').slice(-KEPT.attempts),
  ];
}

function begunAt(action: ScheduledAction): string {
  return action.dispatchedAt ?? action.acceptedAt;
}
