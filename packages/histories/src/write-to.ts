import type { Aggregate, RawEvent } from '@conclave/contracts';
import type { Ledger } from './ledger.ts';

/** What is written to: the bus's journal is one. */
export interface JournalPort {
  append(aggregate: Aggregate, expectedSeq: number | 'any', events: readonly RawEvent[]): Promise<{ seq: number }>;
}

/**
 * Writes a history, or what is new in it since `after` commits, into a journal that may hold others.
 * @returns sequence of the last commit there; 0 when nothing was written
 */
export async function writeTo(journal: JournalPort, history: Ledger, after = 0): Promise<number> {
  let last = 0;
  for (const { aggregate, events } of history.commits.slice(after))
    last = (await journal.append(aggregate, 'any', events)).seq;
  return last;
}
