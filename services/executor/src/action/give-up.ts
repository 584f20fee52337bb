import type { Journal } from '@conclave/bus';
import { messageOf, type PlannedAction } from '@conclave/contracts';
import { judgeCriteria } from '../criteria/judge-criteria.ts';
import { openActionRecord } from './record.ts';

/**
 * Ends an action whose work message is dead: `uncertain` when a call is open, else `failed`. A completed action stays.
 */
export async function giveActionUp(
  journal: Pick<Journal, 'append' | 'read'>,
  action: PlannedAction,
  reason: Error,
  now: () => Date,
): Promise<void> {
  const record = await openActionRecord(journal, action.actionId, now, 'decide_anew');
  await record.completeIfOpen(({ calls }) => ({
    outcome: calls.some(({ returned }) => returned === undefined) ? 'uncertain' : 'failed',
    summary: `given up: ${messageOf(reason)}`,
    criteria: judgeCriteria(action.successCriteria, calls),
  }));
}
