import {
  aggregates,
  type HandoffDocument,
  type PlannedAction,
  parseHandoff,
  type StageName,
} from '@conclave/contracts';
import { stageLabel } from '@conclave/core';
import type { HistoryWriter, OpenRollout } from './history-writer.ts';

/** The plan of a meeting: five actions, and the deployment that a `go` implies. */
export function planOf(
  meetingId: string,
  rollout: OpenRollout,
  toStage: StageName | undefined,
  timestamp: string,
): { document: HandoffDocument; actions: PlannedAction[] } {
  const { model, version } = rollout.definition;
  const target = { model, version };
  const actions: HandoffDocument['actions'] = [
    {
      id: 2,
      action: `Evaluate ${version} on the validation set`,
      owner: 'latency_analyst',
      priority: 'high',
      tool: 'run_evaluation',
      args: target,
      success_criteria: 'NDCG@10 >= 0.72',
    },
    {
      id: 3,
      action: 'Prove that rollback works in this stage',
      owner: 'rollback_officer',
      priority: 'high',
      tool: 'run_rollback_test',
      args: target,
      success_criteria: 'rollback test passed',
    },
    {
      id: 4,
      action: 'Collect the SLO metrics of the stage',
      owner: 'compliance_monitor',
      priority: 'medium',
      tool: 'collect_metrics',
      args: target,
      success_criteria: 'All SLOs measured and logged',
    },
    {
      id: 5,
      action: 'Smoke-test the search endpoint',
      owner: 'integration_engineer',
      priority: 'medium',
      tool: 'smoke_test',
      args: target,
    },
    {
      id: 6,
      action: 'Check the disk of the runner host',
      owner: 'infra_guardian',
      priority: 'low',
      tool: 'check_file',
      args: { path: '/var/log' },
    },
  ];
  if (toStage !== undefined) {
    const action = `Deploy ${model} ${version} to ${stageLabel(toStage)}`;
    actions.unshift({
      id: 1,
      action,
      owner: 'ops_commander',
      priority: 'high',
      tool: 'deploy_model',
      args: { ...target, stage: toStage },
      success_criteria: 'stage entered',
    });
  }
  const document = {
    timestamp,
    meeting_id: meetingId,
    actions,
    count: actions.length,
    source: `planning_${meetingId}`,
  };
  return { document, actions: [...parseHandoff(document).actions] };
}

/** Dispatches and ends actions; those of the last plan stay under way, so that every state shows. */
export function carryOut(w: HistoryWriter, actions: readonly PlannedAction[]): void {
  const isLast = actions[0]?.planId === 'meeting-103';
  for (const action of actions) {
    const number = Number(action.actionId.split(':')[1]);
    if (isLast && number >= 5) continue;
    const ends = !(isLast && number === 4);
    carryOutOne(w, action, ends);
  }
}

function carryOutOne(w: HistoryWriter, action: PlannedAction, ends: boolean): void {
  const { actionId, owner, tool = 'check_file', args = {} } = action;
  const callId = `${actionId}#1`;
  w.commit(aggregates.schedule, ['schedule.action_dispatched', { actionId, attempt: 1 }]);
  const speaker = { adapter: 'rules', model: 'rules' };
  w.commit(aggregates.action(actionId), [
    'action.started',
    { actionId, owner, attempt: 1, worker: 'executor-0', speaker },
  ]);
  w.commit(aggregates.action(actionId), ['action.tool_called', { callId, tool, args, reason: action.action }]);
  if (!ends) return;
  w.wait(4);
  const blocked = tool === 'check_file';
  const error = blocked ? { error: 'CVE_SCRIPT_FORBIDDEN: /var/log is outside the allowed roots; use examples/' } : {};
  const returned = { callId, tool, ok: !blocked, result: blocked ? null : { ok: true }, durationMs: 3900, ...error };
  w.commit(aggregates.action(actionId), ['action.tool_returned', returned]);
  const outcome = blocked ? 'blocked' : 'succeeded';
  const summary = blocked ? 'the path may not be read' : `${tool} done`;
  const criteria = [{ text: action.successCriteria || 'done', verdict: blocked ? 'unjudged' : 'met', detail: summary }];
  w.commit(aggregates.action(actionId), ['action.completed', { actionId, outcome, summary, criteria }]);
  w.commit(aggregates.schedule, ['schedule.action_ended', { actionId, outcome }]);
}
