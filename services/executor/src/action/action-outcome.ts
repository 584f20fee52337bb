import { type CriterionVerdict, deployAnswer, type PlannedAction } from '@conclave/contracts';
import type { ActionRun, ToolCall } from '@conclave/core';
import { judgeCriteria } from '../criteria/judge-criteria.ts';
import type { Completion } from './record.ts';

/**
 * How an action ended, from what is on record alone. In this order: a stage that is not earned is `blocked`; any call
 * without success is `failed`; any criterion that is not met is `failed`; an action without a call did nothing and is
 * `failed`; else `succeeded`, and what could not be judged is named.
 */
export function concludeAction(action: PlannedAction, run: ActionRun, summary: string): Completion {
  const criteria = judgeCriteria(action.successCriteria, run.calls);
  const failed = decidingCalls(run.calls).filter((call) => call.returned?.ok !== true);
  const missing = failed.flatMap(missingPieces);
  if (missing.length > 0) return { outcome: 'blocked', summary: `not eligible yet: ${missing.join('; ')}`, criteria };
  if (failed.length > 0) return { outcome: 'failed', summary: failed.map(failureOf).join('; '), criteria };
  if (run.calls.length === 0) return { outcome: 'failed', summary: `no tool was called: ${summary}`, criteria };
  const unmet = criteria.filter(({ verdict }) => verdict === 'unmet');
  if (unmet.length > 0) {
    const reasons = unmet.map(({ text, detail }) => `"${text}" is not met (${detail})`);
    return { outcome: 'failed', summary: reasons.join('; '), criteria };
  }
  return { outcome: 'succeeded', summary: summary + unjudgedPart(criteria), criteria };
}

const SHOWN = 3;

/** What a success does not vouch for. */
function unjudgedPart(criteria: readonly CriterionVerdict[]): string {
  const unjudged = criteria.filter(({ verdict }) => verdict === 'unjudged');
  if (unjudged.length === 0) return '';
  const shown = unjudged.slice(0, SHOWN).map(({ text, detail }) => `"${text}" (${detail})`);
  const more = unjudged.length > SHOWN ? `, and ${unjudged.length - SHOWN} more` : '';
  return `; ${unjudged.length === 1 ? '1 criterion' : `${unjudged.length} criteria`} could not be judged: ${shown.join(', ')}${more}`;
}

/** Calls refused for their arguments had no effect: one that was corrected by a later call of its tool does not count. */
function decidingCalls(calls: readonly ToolCall[]): ToolCall[] {
  return calls.filter((call, i) => {
    const isRefused = call.returned?.ok === false && call.returned.error?.startsWith('CVE_TOOL_INVALID_ARGS') === true;
    return !isRefused || !calls.slice(i + 1).some((later) => later.tool === call.tool && later.returned?.ok === true);
  });
}

function missingPieces({ tool, returned }: ToolCall): string[] {
  if (tool !== 'deploy_model') return [];
  const answer = deployAnswer.safeParse(returned?.result);
  if (!answer.success || answer.data.outcome !== 'not_eligible') return [];
  return answer.data.missing.length > 0 ? answer.data.missing : ['the coordinator named no reason'];
}

function failureOf({ tool, returned }: ToolCall): string {
  return `${tool} failed: ${returned?.error ?? 'it did not return'}`;
}
