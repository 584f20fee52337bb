import type { RolloutEvent } from '@conclave/contracts';
import type { Facts } from '../facts.ts';

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
