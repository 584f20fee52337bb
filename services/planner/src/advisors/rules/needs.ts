import type { PlanningRole, ToolName } from '@conclave/contracts';
import type { AttemptBrief, Brief, GateBrief, RolloutBrief } from '../../brief/schema.ts';
import type { ProposedAction } from '../advisor.ts';
import { failedGates } from './judge-brief.ts';

/*
 * Which actions a rollout needs next, from its brief alone.
 * 1. What succeeded in this stage epoch is not repeated (a measurement only when its gate has it), nor what is being worked on or was asked for by a person.
 * 2. What failed, was blocked or ended uncertain is asked for again: every tool here is idempotent.
 * 3. An unstarted action of an earlier meeting is superseded by the next plan, so a plan that brings anything new
 *    carries it over; without anything new there is no plan and it stays as it is.
 */

export interface Need {
  /** The advisor whose field it is. */
  readonly field: PlanningRole;
  readonly action: ProposedAction;
  /** True when an earlier meeting's unstarted action asks for the same. */
  readonly waiting: boolean;
}

/** Everything the open rollouts need, most urgent first. Empty when what is under way suffices. */
export function neededActions(brief: Brief): Need[] {
  const needs = brief.models.flatMap(({ rollout }) => (rollout === null ? [] : needsOf(rollout)));
  return needs.some((need) => !need.waiting) ? needs : [];
}

function needsOf(rollout: RolloutBrief): Need[] {
  // An open P0 holds the rollout; whether it also takes the traffic back is for people to say.
  const failed = failedGates(rollout).filter((gate) => gate.source !== 'incidents');
  const wanted =
    rollout.stage === null ? firstStage(rollout) : failed.length > 0 ? rollback(rollout, failed) : evidence(rollout);
  return wanted.flatMap(({ field, action, tool }): Need[] => {
    const attempts = rollout.attempts.filter((attempt) => attempt.tool === tool && sameStage(attempt, action));
    if (attempts.some((attempt) => isTakenCareOf(attempt, tool))) return [];
    return [{ field, action: { ...action, tool }, waiting: attempts.some((attempt) => attempt.state === 'waiting') }];
  });
}

interface Wanted {
  readonly field: PlanningRole;
  readonly tool: ToolName;
  readonly action: Omit<ProposedAction, 'tool'>;
}

function sameStage(attempt: AttemptBrief, action: Omit<ProposedAction, 'tool'>): boolean {
  return attempt.tool !== 'deploy_model' || attempt.stage === action.args?.stage;
}

/** Asked for only while a gate lacks what they bring: one that succeeded without bringing it is asked for again. */
const EVIDENCE_TOOLS: ReadonlySet<ToolName> = new Set(['run_evaluation', 'run_rollback_test']);

function isTakenCareOf({ state, outcome, origin }: AttemptBrief, tool: ToolName): boolean {
  if (state === 'dispatched' || (state === 'waiting' && origin === 'user')) return true;
  return outcome === 'succeeded' && !EVIDENCE_TOOLS.has(tool);
}

function firstStage(rollout: RolloutBrief): Wanted[] {
  const { model, version, nextStage, authority } = rollout;
  if (nextStage === null || authority === 'observe') return [];
  return [
    {
      field: 'pre_architect',
      tool: 'deploy_model',
      action: {
        action: `Deploy ${model} ${version} to ${nextStage}, where it answers nobody and can be measured`,
        owner: 'ops_commander',
        priority: 'high',
        estimated_duration: '5min',
        success_criteria: `stage == ${nextStage}`,
        args: { model, version, stage: nextStage },
      },
    },
  ];
}

function rollback(rollout: RolloutBrief, failed: readonly GateBrief[]): Wanted[] {
  const { model, version, stage } = rollout;
  const reason = `${failed.map((gate) => gate.name).join(', ')} failed for ${version} in ${stage}`;
  return [
    {
      field: 'critic',
      tool: 'rollback_model',
      action: {
        action: `Roll ${model} back to stable: ${reason}`,
        owner: 'rollback_officer',
        priority: 'high',
        estimated_duration: '1min',
        success_criteria: 'rolled back',
        args: { model, version, reason },
      },
    },
  ];
}

function evidence(rollout: RolloutBrief): Wanted[] {
  const { model, version, stage, gates } = rollout;
  const args = { model, version };
  const what = `${model} ${version}`;
  const open = gates.filter((gate) => gate.outcome !== 'pass' && gate.overridden === null);
  const from = (...sources: GateBrief['source'][]) => open.filter((gate) => sources.includes(gate.source));
  const wanted: Wanted[] = [
    {
      field: 'tech_analysis',
      tool: 'smoke_test',
      action: {
        action: `Smoke-test ${what} right after it entered ${stage}`,
        owner: 'integration_engineer',
        priority: 'high',
        estimated_duration: '1min',
        success_criteria: 'errors == 0',
        args,
      },
    },
  ];
  if (from('evaluation', 'comparison').length > 0 && !isEvaluated(rollout)) {
    wanted.push({
      field: 'data_analyst',
      tool: 'run_evaluation',
      action: {
        action: `Evaluate ${what} on ${rollout.datasetName}, paired with stable on the same queries`,
        owner: 'compliance_monitor',
        priority: 'high',
        estimated_duration: '3min',
        success_criteria: criteriaOf(gates, 'evaluation'),
        args,
      },
    });
  }
  // A test on record as running is no reason to wait: its runner may have died in it, and then nobody goes on with it. One that an open
  // action still waits for is not asked for again, because actions under way are never repeated.
  if (from('rollback_test').length > 0) {
    wanted.push({
      field: 'pre_architect',
      tool: 'run_rollback_test',
      action: {
        action: `Prove that traffic of ${what} can be swapped to stable and back in ${stage}`,
        owner: 'rollback_officer',
        priority: 'high',
        estimated_duration: '2min',
        success_criteria: 'rollback_test == passed',
        args,
      },
    });
  }
  if (from('telemetry').length > 0) {
    wanted.push({
      field: 'cotrr_team',
      tool: 'collect_metrics',
      action: {
        action: `Collect latency and SLO compliance of ${what} in ${stage}`,
        owner: 'latency_analyst',
        priority: 'medium',
        estimated_duration: '2min',
        success_criteria: criteriaOf(gates, 'telemetry'),
        args,
      },
    });
  }
  return wanted;
}

/** An evaluation that runs, or one that is complete and so would say the same again. */
function isEvaluated(rollout: RolloutBrief): boolean {
  const comparisonNeeded = rollout.gates.some((gate) => gate.source === 'comparison' && gate.outcome !== 'pass');
  return rollout.evaluations.some(
    ({ kind, state, comparesStable }) =>
      kind === 'offline' && (state === 'running' || (state === 'completed' && (comparesStable || !comparisonNeeded))),
  );
}

function criteriaOf(gates: readonly GateBrief[], source: GateBrief['source']): string {
  const criteria = gates
    .filter((gate) => gate.source === source)
    .map((g) => `${g.metric} ${g.operator} ${g.threshold}`);
  return criteria.length === 0 ? 'errors == 0' : criteria.join(', ');
}
