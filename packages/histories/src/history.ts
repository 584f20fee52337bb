import type { StageName } from '@conclave/contracts';
import type { LedgerOptions } from './ledger.ts';
import { MeetingHistory } from './meetings.ts';
import type { AppliedOptions } from './rollouts.ts';

/**
 * A journal in words, for every test that needs one: `history().adopted().applied().inStage('shadow').allPassed().voted('go')`.
 * Each chapter (registry, incidents, rollouts, schedule, actions, evaluations, meetings) has the verbs of its aggregates.
 */
export class History extends MeetingHistory {
  /** A stage entered, and served at once. */
  inStage(stage: StageName, runners?: string[]): this {
    return this.entered(stage).serving(runners);
  }
}

export function history(options: LedgerOptions = {}): History {
  return new History(options);
}

/** A history in which the candidate serves in a stage over the adopted stable version since its start. */
export function historyIn(
  stage: StageName = 'shadow',
  options: LedgerOptions & { readonly applied?: AppliedOptions } = {},
): History {
  const { applied, ...ledger } = options;
  return history(ledger).adopted().applied(applied).inStage(stage);
}
