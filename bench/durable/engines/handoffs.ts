import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** Handoffs that are under way at the same time: each is acknowledged by itself, so that many can share one fsync. */
export const HANDOFFS_IN_FLIGHT = 100;

/** Calls `handOff` so many times, at most `HANDOFFS_IN_FLIGHT` of them at once, and resolves when all have been acknowledged. */
export async function handOffAll(actions: number, handOff: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < actions) await handOff(next++);
  };
  await Promise.all(Array.from({ length: Math.min(HANDOFFS_IN_FLIGHT, actions) }, lane));
}

/** Counts ends, and waits for a number of them without asking the database. */
export class Ends {
  #seen = 0;
  #wanted = Number.POSITIVE_INFINITY;
  #reached = Promise.withResolvers<void>();

  add(count: number): void {
    this.#seen += count;
    if (this.#seen >= this.#wanted) this.#reached.resolve();
  }

  /** Resolves after so many more than at the call. To be called before the work is handed off. */
  next(count: number): Promise<void> {
    this.#wanted = this.#seen + count;
    this.#reached = Promise.withResolvers<void>();
    return this.#reached.promise;
  }
}

const LOOK_EVERY_MS = 2;
const LOOK_FOR_MS = 60_000;

/** Looks every two milliseconds whether the number has been reached. @throws after a minute. */
export async function untilCounted(wanted: number, count: () => Promise<number>): Promise<void> {
  const deadline = performance.now() + LOOK_FOR_MS;
  for (;;) {
    const found = await count();
    if (found >= wanted) return;
    if (performance.now() > deadline) throw new Error(`${found} of ${wanted} actions have ended after a minute`);
    await pause(LOOK_EVERY_MS);
  }
}

/** Name and pinned version of an npm package. */
export function packageVersion(name: string): string {
  const { dependencies }: { dependencies: Record<string, string> } = JSON.parse(
    readFileSync(join(import.meta.dirname, 'package.json'), 'utf8'),
  );
  return `${name} ${dependencies[name]}`;
}
