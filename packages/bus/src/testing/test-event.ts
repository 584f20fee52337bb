import type { RawEvent } from '@conclave/contracts';

/** An event for a test; its type means nothing. */
export function testEvent(id: string, data: unknown = {}): RawEvent {
  return { id, type: 'test.happened', at: '2026-01-01T00:00:00.000Z', data };
}
