import { type Bus, openMembership } from '@conclave/bus';
import { type RunnerStatus, runnerStatus } from '@conclave/contracts';

export interface Runners {
  /** Those that report themselves now; a status that this version cannot read is left out. */
  present(): readonly RunnerStatus[];
  stop(): Promise<void>;
}

/** Watches which runners are there and what they serve. */
export async function watchRunners(bus: Bus): Promise<Runners> {
  let runners: readonly RunnerStatus[] = [];
  const stop = await openMembership(bus).watch((all) => {
    runners = [...all.values()].flatMap((value) => {
      const parsed = runnerStatus.safeParse(value);
      return parsed.success ? [parsed.data] : [];
    });
  });
  return { present: () => runners, stop };
}
