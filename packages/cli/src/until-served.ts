import { setTimeout as pause } from 'node:timers/promises';
import { openJournal, openMembership } from '@conclave/bus';
import { type RunnerServing, type RunnerStatus, runnerStatus } from '@conclave/contracts';
import { describeServing, servingOf } from '@conclave/core';
import { dim } from './output/text.ts';
import { readRollouts } from './read-world.ts';
import type { Session } from './session.ts';

/** What the runners do with the stable version of a model. */
export interface Served {
  /** `failed`: every runner has tried, and one cannot. `waiting`: the time was over first. */
  readonly outcome: 'serving' | 'failed' | 'waiting' | 'no_runner';
  /** The stable version of the journal. */
  readonly version: string;
  readonly runners: readonly RunnerServing[];
  /** What they do in sentences, those that fail first. */
  readonly lines: readonly string[];
}

const LOOK_MS = 100;
/** How long, in milliseconds, a runner that has just started may take to report itself. */
const APPEAR_MS = 3000;

/**
 * Waits until every serving runner serves the stable version, or one cannot, or the time is over; prints what is waited for as it
 * changes. The journal says which version, the runners say what they do.
 */
export async function untilServed({ bus, print }: Session, model: string, timeoutMs: number): Promise<Served> {
  const journal = openJournal(bus, { by: 'conclave-cli' });
  let runners: readonly RunnerStatus[] = [];
  const stop = await openMembership(bus).watch((all) => {
    runners = [...all.values()].flatMap((value) => runnerStatus.safeParse(value).data ?? []);
  });
  const startedAt = performance.now();
  const printed = new Set<string>();
  try {
    for (;;) {
      const state = await readRollouts(journal, model);
      const version = state.stable?.version ?? 'nothing';
      const there = failuresFirst(servingOf(state, runners));
      const lines = describeServing(there, version);
      const waitedMs = performance.now() - startedAt;
      const outcome = outcomeOf(there, waitedMs, timeoutMs);
      if (outcome !== undefined) return { outcome, version, runners: there, lines };
      const waited = there.filter(({ state: doing }) => doing !== 'serving');
      for (const line of describeServing(waited, version)) {
        // What takes no time at all is not worth a line.
        if (waitedMs < 10 * LOOK_MS || printed.has(line)) continue;
        printed.add(line);
        print(dim(`… ${line}`));
      }
      await pause(LOOK_MS);
    }
  } finally {
    await stop();
  }
}

function outcomeOf(
  there: readonly RunnerServing[],
  waitedMs: number,
  timeoutMs: number,
): Served['outcome'] | undefined {
  if (there.length === 0) return waitedMs >= Math.min(APPEAR_MS, timeoutMs) ? 'no_runner' : undefined;
  if (there.every(({ state }) => state === 'serving')) return 'serving';
  if (there.every(({ state }) => state === 'serving' || state === 'failed')) return 'failed';
  return waitedMs >= timeoutMs ? 'waiting' : undefined;
}

function failuresFirst(there: readonly RunnerServing[]): RunnerServing[] {
  return there.toSorted((a, b) => Number(b.state === 'failed') - Number(a.state === 'failed'));
}
