import { type Bus, openMembership, type Stop } from '@conclave/bus';
import { type RunnerStatus, runnerStatus, zodMessage } from '@conclave/contracts';

/** The runners that report themselves now, and all that were ever seen by this process. */
export class Runners {
  #present: readonly RunnerStatus[] = [];
  readonly #seen = new Set<string>();

  get present(): readonly RunnerStatus[] {
    return this.#present;
  }

  /** 1 for a runner that is there, 0 for one that was. */
  up(): ReadonlyMap<string, 0 | 1> {
    const present = new Set(this.#present.map((r) => r.runner));
    return new Map([...this.#seen].map((runner) => [runner, present.has(runner) ? 1 : 0]));
  }

  set(statuses: readonly RunnerStatus[]): void {
    this.#present = statuses.toSorted((a, b) => (a.runner < b.runner ? -1 : 1));
    for (const { runner } of statuses) this.#seen.add(runner);
  }
}

/** Keeps `runners` up to date. A status that cannot be read goes to `onUnreadable`, and that runner counts as absent. */
export async function watchRunners(bus: Bus, runners: Runners, onUnreadable: (reason: string) => void): Promise<Stop> {
  return await openMembership(bus).watch((all) => {
    const statuses: RunnerStatus[] = [];
    for (const [id, value] of all) {
      const parsed = runnerStatus.safeParse(value);
      if (parsed.success) statuses.push(parsed.data);
      else onUnreadable(`runner ${id}: ${zodMessage(parsed.error, value)}`);
    }
    runners.set(statuses);
  });
}
