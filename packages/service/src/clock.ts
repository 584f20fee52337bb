/** Time, replaceable in tests: whatever a service measures, waits for or limits goes by one. */
export interface Clock {
  /** The wall clock. */
  now(): Date;
  /** Milliseconds on a clock that never goes back; only differences mean anything. */
  monotonicMs(): number;
  /**
   * Calls `then` once, `ms` milliseconds from now (at most 24 days).
   * @returns takes it back; without effect once it was called
   */
  after(ms: number, then: () => void): () => void;
}

/** The longest that a timer of Node waits; one that is longer would fire at once. */
const LONGEST_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  after(ms, then) {
    const timer = setTimeout(then, Math.min(ms, LONGEST_MS));
    return () => clearTimeout(timer);
  },
};

/** Resolves after so many milliseconds. */
export async function pass(clock: Pick<Clock, 'after'>, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  clock.after(ms, resolve);
  await promise;
}

/** A signal that is aborted when the time is up, unless the limit was disposed of before. */
export interface TimeLimit extends Disposable {
  readonly signal: AbortSignal;
}

/** @param ms 0 or less: it is up already */
export function timeLimit(clock: Pick<Clock, 'after'>, ms: number): TimeLimit {
  const up = new AbortController();
  if (ms <= 0) up.abort();
  const takeBack = ms <= 0 ? () => undefined : clock.after(ms, () => up.abort());
  return { signal: up.signal, [Symbol.dispose]: takeBack };
}

/** A clock that stands still until it is advanced. */
export interface FakeClock extends Clock {
  /** Lets time pass; what falls due on the way is called in its order, at its time. */
  advance(ms: number): void;
}

/** @param start ISO 8601. */
export function fakeClock(start = '2026-01-01T00:00:00.000Z'): FakeClock {
  let elapsedMs = 0;
  const startMs = Date.parse(start);
  const timers = new Set<{ readonly atMs: number; then(): void }>();
  return {
    now: () => new Date(startMs + elapsedMs),
    monotonicMs: () => elapsedMs,
    after(ms, then) {
      const timer = { atMs: elapsedMs + ms, then };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance(ms) {
      const untilMs = elapsedMs + ms;
      for (;;) {
        const due = [...timers].filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
        if (due === undefined) break;
        timers.delete(due);
        elapsedMs = Math.max(elapsedMs, due.atMs);
        due.then();
      }
      elapsedMs = untilMs;
    },
  };
}
