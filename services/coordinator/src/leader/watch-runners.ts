import { type Bus, openMembership } from '@conclave/bus';
import { type RunnerStatus, runnerStatus } from '@conclave/contracts';

export interface Runners {
  /** Those that report themselves now; a status that this version cannot read is left out. */
  present(): readonly RunnerStatus[];
  stop(): Promise<void>;
}

/**
 * Watches which runners are there and what they serve.
 * @param onChange called when another runner is there or one reports something else, not when it only says once more that it is there
 */
export async function watchRunners(bus: Bus, onChange: () => void = () => undefined): Promise<Runners> {
  let runners: readonly RunnerStatus[] = [];
  const stop = await openMembership(bus).watch((all) => {
    const before = runners;
    runners = [...all.values()].flatMap((value) => {
      const parsed = runnerStatus.safeParse(value);
      return parsed.success ? [parsed.data] : [];
    });
    if (reported(runners) !== reported(before)) onChange();
  });
  return { present: () => runners, stop };
}

function reported(runners: readonly RunnerStatus[]): string {
  return JSON.stringify(runners.map(({ at: _at, ...status }) => status));
}
