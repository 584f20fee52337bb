import type { AggregateKind, EventOfKind } from '@conclave/contracts';

type AnyEvent = EventOfKind[AggregateKind];
export type EventType = AnyEvent['type'];
export type DataOf<T extends EventType> = Extract<AnyEvent, { type: T }>['data'];

/** An event that has neither id nor time yet. */
export interface Draft<T extends EventType = EventType> {
  readonly type: T;
  readonly data: unknown;
}

export function draft<T extends EventType>(type: T, data: DataOf<T>): Draft<T> {
  return { type, data };
}
