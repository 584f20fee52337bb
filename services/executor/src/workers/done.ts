import { deployAnswer, rollbackAnswer } from '@conclave/contracts';
import type { ToolCall } from '@conclave/core';

/** What calls have done, in a sentence that code can vouch for. */
export function summaryOf(calls: readonly ToolCall[]): string {
  return calls.map(doneBy).join(', then ');
}

function doneBy({ tool, returned }: ToolCall): string {
  if (returned?.ok !== true) return `${tool} failed: ${returned?.error ?? 'no reason given'}`;
  const rolledBack = tool === 'rollback_model' ? rollbackAnswer.safeParse(returned.result).data : undefined;
  if (rolledBack?.outcome === 'rolled_back') return `rolled back: ${rolledBack.serving ?? 'no version'} serves`;
  if (rolledBack !== undefined) return `nothing to roll back: ${rolledBack.serving ?? 'no version'} serves`;
  const deployed = tool === 'deploy_model' ? deployAnswer.safeParse(returned.result).data : undefined;
  if (deployed !== undefined) return `${deployed.outcome === 'entered' ? 'entered' : 'already in'} ${deployed.stage}`;
  return `${tool} done`;
}
