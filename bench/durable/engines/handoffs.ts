import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** Handoffs that are under way at the same time: each is acknowledged by itself, so that many can share one fsync. */
export const HANDOFFS_IN_FLIGHT = 100;
/** Actions in one handoff, and such handoffs in flight, where an engine takes many at a time: as Conclave's are (conclave.ts). */
export const BULK_ACTIONS = 50;
export const BULKS_IN_FLIGHT = 8;

/** Calls `handOff` so many times, at most `HANDOFFS_IN_FLIGHT` of them at once, and resolves when all have been acknowledged. */
export async function handOffAll(actions: number, handOff: () => Promise<unknown>): Promise<void> {
  await inLanes(
    Array.from({ length: actions }, () => handOff),
    HANDOFFS_IN_FLIGHT,
  );
}

/** The same by handoffs of `BULK_ACTIONS` actions; `handOff` gets the number of its own. */
export async function handOffInBulk(actions: number, handOff: (size: number) => Promise<unknown>): Promise<void> {
  const sizes: number[] = [];
  for (let left = actions; left > 0; left -= BULK_ACTIONS) sizes.push(Math.min(left, BULK_ACTIONS));
  await inLanes(
    sizes.map((size) => () => handOff(size)),
    BULKS_IN_FLIGHT,
  );
}

async function inLanes(calls: readonly (() => Promise<unknown>)[], lanes: number): Promise<void> {
  const rest = calls.values();
  const lane = async (): Promise<void> => {
    for (const call of rest) await call();
  };
  await Promise.all(Array.from({ length: lanes }, lane));
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
