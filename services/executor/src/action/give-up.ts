import type { Journal } from '@conclave/bus';
import { isConclaveError, messageOf, type PlannedAction } from '@conclave/contracts';
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
  for (;;) {
    const record = await openActionRecord(journal, action.actionId, now);
    if (record.run.completed !== undefined) return;
    const isOpen = record.run.calls.some(({ returned }) => returned === undefined);
    const criteria = judgeCriteria(action.successCriteria, record.run.calls);
    const summary = `given up: ${messageOf(reason)}`;
    try {
      await record.complete({ outcome: isOpen ? 'uncertain' : 'failed', summary, criteria });
      return;
    } catch (error) {
      if (!isConclaveError(error, 'CVE_JOURNAL_CONFLICT')) throw error;
    }
  }
}
