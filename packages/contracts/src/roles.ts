import { z } from 'zod';

/** The six advisors of the planning team. */
export const PLANNING_ROLES = [
  'moderator',
  'pre_architect',
  'data_analyst',
  'tech_analysis',
  'critic',
  'cotrr_team',
] as const;
export const planningRole = z.enum(PLANNING_ROLES);
export type PlanningRole = z.infer<typeof planningRole>;

/** The six workers of the executive team. */
export const EXECUTIVE_ROLES = [
  'ops_commander',
  'infra_guardian',
  'latency_analyst',
  'compliance_monitor',
  'integration_engineer',
  'rollback_officer',
] as const;
export const executiveRole = z.enum(EXECUTIVE_ROLES);
export type ExecutiveRole = z.infer<typeof executiveRole>;

export const TOOLS = [
  'deploy_model',
  'rollback_model',
  'run_rollback_test',
  'run_evaluation',
  'collect_metrics',
  'run_python_script',
  'smoke_test',
  'check_file',
] as const;
export const toolName = z.enum(TOOLS);
export type ToolName = z.infer<typeof toolName>;

/** Tools a role may use; text from models, files or results cannot widen it. */
export const ROLE_TOOLS: Record<ExecutiveRole, readonly ToolName[]> = {
  ops_commander: [
    'deploy_model',
    'rollback_model',
    'run_evaluation',
    'collect_metrics',
    'smoke_test',
    'check_file',
    'run_python_script',
  ],
  infra_guardian: ['collect_metrics', 'smoke_test', 'check_file', 'run_python_script'],
  latency_analyst: ['run_evaluation', 'collect_metrics', 'smoke_test', 'check_file', 'run_python_script'],
  compliance_monitor: ['run_evaluation', 'collect_metrics', 'check_file', 'run_python_script'],
  integration_engineer: ['smoke_test', 'run_evaluation', 'collect_metrics', 'check_file', 'run_python_script'],
  rollback_officer: ['rollback_model', 'run_rollback_test', 'collect_metrics', 'smoke_test', 'check_file'],
};

export const PRIORITIES = ['high', 'medium', 'low'] as const;
export const priority = z.enum(PRIORITIES);
export type Priority = z.infer<typeof priority>;
