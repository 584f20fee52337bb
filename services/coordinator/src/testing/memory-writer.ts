import { type Clock, systemClock, type WorldWriter } from '@conclave/service';
import type { TestWorld } from './test-world.ts';

/** Writes into a journal in memory; `late` is what its world has not heard of until it catches up. */
export function writerOf(t: TestWorld, late: () => void = () => {}): WorldWriter {
  return {
    async commit(aggregate, decide) {
      const events = decide(t.world);
      t.append(aggregate, events);
      return events;
    },
    async catchUp() {
      late();
    },
  };
}

/** The clock of such a world. */
export const clockOf = (t: TestWorld): Clock => ({
  ...systemClock,
  now: () => t.now,
  monotonicMs: () => t.now.getTime(),
});
