/** Time, replaceable in tests. */
export interface Clock {
  /** The wall clock. */
  now(): Date;
  /** Milliseconds on a clock that never goes back; only differences mean anything. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
};

/** A clock that stands still until it is advanced. */
export interface FakeClock extends Clock {
  advance(ms: number): void;
}

/** @param start ISO 8601. */
export function fakeClock(start = '2026-01-01T00:00:00.000Z'): FakeClock {
  let elapsedMs = 0;
  const startMs = Date.parse(start);
  return {
    now: () => new Date(startMs + elapsedMs),
    monotonicMs: () => elapsedMs,
    advance(ms) {
      elapsedMs += ms;
    },
  };
}
