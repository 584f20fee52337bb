import type { RolloutEvent } from '@conclave/contracts';

/** What deciding needs from outside: time and ids are passed in, so that every decision can be replayed. */
export interface Facts {
  readonly now: Date;
  newId(): string;
}

type EventType = RolloutEvent['type'];
type DataOf<T extends EventType> = Extract<RolloutEvent, { type: T }>['data'];

/** One rollout event, stamped. */
export function rolloutEventOf<T extends EventType>(
  facts: Facts,
  type: T,
  data: DataOf<T>,
): { id: string; type: T; at: string; data: DataOf<T> } {
  return { id: facts.newId(), type, at: facts.now.toISOString(), data };
}
