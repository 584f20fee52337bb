import { type Bus, openMembership, type Stop } from '@conclave/bus';
import { type RunnerStatus, runnerStatus, zodMessage } from '@conclave/contracts';
import type { HeardRunner } from '@conclave/core';

/** A runner that has been away for this long, or left, is no longer told of. */
const FORGOTTEN_MS = 600_000;

/** The runners that report themselves now, and what was last heard of each by this process. */
export class Runners {
  #present: readonly RunnerStatus[] = [];
  readonly #heard = new Map<string, { readonly status: RunnerStatus; readonly atMs: number }>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  get present(): readonly RunnerStatus[] {
    return this.#present;
  }

  /** What was last heard of each. */
  heard(): HeardRunner[] {
    const nowMs = this.#nowMs();
    return [...this.#heard.values()]
      .map(({ status, atMs }) => ({ status, silentMs: nowMs - atMs }))
      .filter(({ silentMs }) => silentMs < FORGOTTEN_MS);
  }

  /** 1 for a runner that is there, 0 for one that was. */
  up(): ReadonlyMap<string, 0 | 1> {
    const present = new Set(this.#present.map((r) => r.runner));
    return new Map([...this.#heard.keys()].map((runner) => [runner, present.has(runner) ? 1 : 0]));
  }

  /** To be told at each change; a status that says the same as the last one is nothing new from its runner. */
  set(statuses: readonly RunnerStatus[]): void {
    this.#present = statuses.toSorted((a, b) => (a.runner < b.runner ? -1 : 1));
    for (const status of statuses)
      if (this.#heard.get(status.runner)?.status.at !== status.at)
        this.#heard.set(status.runner, { status, atMs: this.#nowMs() });
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
