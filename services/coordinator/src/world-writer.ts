import type { Aggregate, RawEvent } from '@conclave/contracts';
import type { World } from '@conclave/core';

/** The way to the journal for whoever decides from the world. The leader has one (`leader/writer.ts`). */
export interface WorldWriter {
  /** Appends what `decide` returns; nothing for an empty list. @throws CVE_LEASE_LOST, and whatever `decide` throws. */
  commit(aggregate: Aggregate, decide: (world: World) => readonly RawEvent[]): Promise<readonly RawEvent[]>;
  /** Resolves when the world includes everything that was in the journal when this was called. */
  catchUp(): Promise<void>;
}
