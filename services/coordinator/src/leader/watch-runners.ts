import { type Bus, type MembershipOptions, openMembership } from '@conclave/bus';
import { type RunnerStatus, runnerStatus } from '@conclave/contracts';

export interface Runners {
  /** Those that report themselves now; a status that this version cannot read is left out. */
  present(): readonly RunnerStatus[];
  stop(): Promise<void>;
}

export interface WatchRunnersOptions extends MembershipOptions {
  /** Called when another runner is there or one reports something else, not when it only says once more that it is there. */
  onChange?(): void;
}

/** Watches which runners are there and what they serve. */
export async function watchRunners(bus: Bus, options: WatchRunnersOptions = {}): Promise<Runners> {
  let runners: readonly RunnerStatus[] = [];
  const stop = await openMembership(bus, options).watch((all) => {
    const before = runners;
    runners = [...all.values()].flatMap((value) => {
      const parsed = runnerStatus.safeParse(value);
      return parsed.success ? [parsed.data] : [];
    });
    if (reported(runners) !== reported(before)) options.onChange?.();
  });
  return { present: () => runners, stop };
}

function reported(runners: readonly RunnerStatus[]): string {
  return JSON.stringify(runners.map(({ at: _at, ...status }) => status));
}
