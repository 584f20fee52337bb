import type { ExecutiveRole, HandoffDocument, StageName, ToolName } from '@conclave/contracts';

/** Who does what to earn a stage, as the meetings of this system order it. */
const STEPS: readonly (readonly [tool: ToolName, owner: ExecutiveRole, action: string, criteria: string])[] = [
  ['run_evaluation', 'latency_analyst', 'Evaluate it on the pinned dataset beside what serves', 'NDCG@10 >= 0.72'],
  ['run_rollback_test', 'rollback_officer', 'Prove that rollback works in this stage', 'rollback_test == passed'],
  [
    'collect_metrics',
    'compliance_monitor',
    'Collect the SLO metrics of the stage',
    'latency_p95_ms < 50, slo_compliance >= 0.99',
  ],
  ['smoke_test', 'integration_engineer', 'Smoke-test the endpoint with twenty queries of the dataset', 'no errors'],
  ['collect_metrics', 'infra_guardian', 'Look at the latency of the last half hour', 'P95 < 50ms'],
  ['check_file', 'infra_guardian', 'Check what the runner logged since the last heartbeat', ''],
  ['smoke_test', 'rollback_officer', 'Ask stable and candidate the same query', 'equal outputs'],
];

/** The plan of a meeting: everything that measures, and the deployment that a `go` implies. */
export function planOf(
  planId: string,
  at: Date,
  { model, version, toStage }: { model: string; version: string; toStage: StageName | undefined },
): HandoffDocument {
  const args = { model, version };
  const deploy: HandoffDocument['actions'] =
    toStage === undefined
      ? []
      : [
          {
            id: 0,
            action: `Deploy ${model} ${version} to ${toStage}`,
            owner: 'ops_commander',
            priority: 'high',
            estimated_duration: '5min',
            tool: 'deploy_model',
            args: { ...args, stage: toStage },
            success_criteria: `stage == ${toStage}`,
          },
        ];
  const actions = STEPS.map(([tool, owner, action, success_criteria], index) => ({
    id: index + 1,
    action,
    owner,
    priority: index < 3 ? 'high' : index < 5 ? 'medium' : 'low',
    estimated_duration: '2min',
    tool,
    args: tool === 'check_file' ? { path: 'examples/emoji-search/README.md' } : args,
    success_criteria,
  }));
  return {
    timestamp: at.toISOString(),
    meeting_id: planId,
    actions: [...deploy, ...actions],
    count: deploy.length + actions.length,
    source: 'planning_meeting',
  };
}
