import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EXECUTIVE_ROLES, type PlannedAction, ROLE_TOOLS } from '@conclave/contracts';
import { plannedAction } from '@conclave/histories';
import { appliedWorld } from '../testing/executor-world.ts';
import { planByRules } from './rules-plan.ts';

function callsOf(change: Partial<PlannedAction>): unknown[] {
  const plan = planByRules(plannedAction(change), appliedWorld);
  assert.equal(plan.refusal, undefined);
  return (plan.calls ?? []).map(({ tool, args }) => [tool, args]);
}

function refusalOf(change: Partial<PlannedAction>): string {
  const plan = planByRules(plannedAction(change), appliedWorld);
  assert.equal(plan.calls, undefined, JSON.stringify(plan.calls));
  return plan.refusal ?? '';
}

describe("the guide's actions", () => {
  test('Deploy V1.0 to shadow environment, with a smoke test that its criteria ask for', () => {
    const successCriteria = 'Model deployed, no errors, smoke tests pass';
    assert.deepEqual(callsOf({ action: 'Deploy V1.0 to shadow environment', successCriteria }), [
      ['deploy_model', { version: '1.0', stage: 'shadow' }],
      ['smoke_test', { version: '1.0' }],
    ]);
  });

  test('Evaluate V1.0 on validation set, with the metrics that its latency criterion needs', () => {
    const successCriteria = 'NDCG@10 >= 0.72, latency < 50ms';
    assert.deepEqual(
      callsOf({ action: 'Evaluate V1.0 on validation set', owner: 'latency_analyst', successCriteria }),
      [
        ['run_evaluation', { version: '1.0' }],
        ['collect_metrics', { version: '1.0' }],
      ],
    );
  });

  test('Collect baseline metrics', () => {
    const successCriteria = 'All SLOs measured and logged';
    assert.deepEqual(callsOf({ action: 'Collect baseline metrics', owner: 'compliance_monitor', successCriteria }), [
      ['collect_metrics', {}],
    ]);
  });
});

describe('what a text reads as', () => {
  const cases: readonly (readonly [string, PlannedAction['owner'], string, object])[] = [
    [
      'Deploy v1.1 to 5% of production traffic',
      'ops_commander',
      'deploy_model',
      { version: '1.1', stage: '5_percent' },
    ],
    [
      'Promote V1.1 from shadow to 20 percent',
      'ops_commander',
      'deploy_model',
      { version: '1.1', stage: '20_percent' },
    ],
    ['Advance 1.1 to 50_percent', 'ops_commander', 'deploy_model', { version: '1.1', stage: '50_percent' }],
    ['Deploy V1.1 to full production', 'ops_commander', 'deploy_model', { version: '1.1', stage: 'production' }],
    [
      'Please deploy emoji-search 1.1 to shadow',
      'ops_commander',
      'deploy_model',
      { model: 'emoji-search', version: '1.1', stage: 'shadow' },
    ],
    [
      'Increase traffic of version 1.1 to 100%',
      'ops_commander',
      'deploy_model',
      { version: '1.1', stage: 'production' },
    ],
    ['Run rollback test', 'rollback_officer', 'run_rollback_test', {}],
    ['Verify rollback procedure of V1.1', 'rollback_officer', 'run_rollback_test', { version: '1.1' }],
    ['Roll back V1.1', 'rollback_officer', 'rollback_model', { version: '1.1', reason: 'Roll back V1.1' }],
    ['Rollback the candidate', 'ops_commander', 'rollback_model', { reason: 'Rollback the candidate' }],
    ['Smoke test V1.1', 'integration_engineer', 'smoke_test', { version: '1.1' }],
    ['Monitor latency of V1.1 under load', 'latency_analyst', 'collect_metrics', { version: '1.1' }],
    ['Check SLO compliance', 'infra_guardian', 'collect_metrics', {}],
    ['Check file runs/report/metrics.json', 'infra_guardian', 'check_file', { path: 'runs/report/metrics.json' }],
    ['Verify that the file "my report.txt" exists', 'infra_guardian', 'check_file', { path: 'my report.txt' }],
    [
      'Run script research/evaluate_model.py',
      'latency_analyst',
      'run_python_script',
      { script: 'research/evaluate_model.py' },
    ],
    ['Execute report.py', 'latency_analyst', 'run_python_script', { script: 'report.py' }],
  ];
  for (const [action, owner, tool, args] of cases) {
    test(action, () => assert.deepEqual(callsOf({ action, owner }), [[tool, args]]));
  }
});

describe('what a text never reads as', () => {
  for (const action of [
    'Do not deploy V1.1 to production',
    "Don't roll back V1.1",
    'Rollback plan review',
    'Discuss the roadmap',
    'Consider whether to abort the rollout',
  ]) {
    test(action, () => assert.match(refusalOf({ action, owner: 'rollback_officer' }), /no LLM and has no rule/));
  }

  test('a deployment without a stage', () => {
    assert.match(refusalOf({ action: 'Deploy V1.1' }), /names no stage/);
  });

  test('a deployment by a role that may not deploy, with what it can do', () => {
    const refusal = refusalOf({ action: 'Deploy V1.1 to shadow', owner: 'latency_analyst' });
    assert.match(refusal, /latency_analyst may not use deploy_model; latency_analyst understands .*evaluate V1\.0/);
  });
});

test('a named tool is taken with its arguments', () => {
  const named = { tool: 'deploy_model', args: { version: '1.1', stage: 'shadow' } } as const;
  assert.deepEqual(callsOf({ ...named, action: 'whatever this says' }), [['deploy_model', named.args]]);
});

test('a named tool outside the role is refused', () => {
  const change = { tool: 'rollback_model', args: { reason: 'x' }, owner: 'infra_guardian' } as const;
  assert.match(refusalOf(change), /infra_guardian may not use rollback_model/);
});

test('whatever the text, no role is given a tool that is not its own', () => {
  const texts = [
    'Deploy V1.1 to shadow',
    'Roll back V1.1',
    'Run rollback test',
    'Evaluate V1.1',
    'Smoke test',
    'Run script a.py',
  ];
  for (const owner of EXECUTIVE_ROLES) {
    for (const action of texts) {
      const successCriteria = 'smoke tests pass, rollback tests pass, NDCG@10 >= 0.7, latency < 50';
      const plan = planByRules(plannedAction({ action, owner, successCriteria }), appliedWorld);
      for (const { tool } of plan.calls ?? []) assert.ok(ROLE_TOOLS[owner].includes(tool), `${owner}: ${tool}`);
    }
  }
});
