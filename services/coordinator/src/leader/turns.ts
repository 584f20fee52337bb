import type { Clock } from '@conclave/service';

/*
 * When the leader takes a turn.
 * 1. One turn at a time. Whatever is asked for during a turn, however often, is one more turn after it.
 * 2. What arrives asks at once, for the part of the leader's work that it may change and for no other.
 * 3. Between two turns `PAUSE_MS` pass, so that what arrives close together, as the ends of many actions do, shares a turn and a commit.
 *    Who asks after a longer silence does not wait.
 * 4. What comes many at a time and is not urgent, as telemetry does, asks for one turn in `SOON_MS`.
 * 5. Time asks too, when it has passed: slots, soaks and timeouts come by nothing else. A clock that stands still asks for nothing.
 */

/** `schedule`: ends, dispatch, meetings. `rollouts`: holds, readiness, verdicts, votes, completion. */
export type Part = 'schedule' | 'rollouts';

export interface Turns {
  /** Asks for a turn now, or for one after the present one. */
  wake(parts: readonly Part[]): void;
  /** Asks for a turn within `SOON_MS`. */
  wakeSoon(parts: readonly Part[]): void;
  /** Takes no further turn and waits for the present one. */
  stop(): Promise<void>;
}

export interface TurnsOptions {
  readonly clock: Clock;
  turn(parts: ReadonlySet<Part>): Promise<void>;
  /** A turn that failed; the next follows when somebody asks, time at the latest. */
  onError(error: unknown): void;
  /** Runs something later and returns what takes that back. Default: timers of this process. */
  later?(ms: number, run: () => void): () => void;
}

export const PAUSE_MS = 10;
export const SOON_MS = 200;
/** How often time is looked at, and after how much of it each part is asked for. */
export const TICK_MS = 400;
const DUE_MS: Readonly<Record<Part, number>> = { schedule: TICK_MS, rollouts: 2 * TICK_MS };

export function takeTurns({ clock, turn, onError, later = onTimer }: TurnsOptions): Turns {
  const asked = new Set<Part>();
  const soon = new Set<Part>();
  let running: Promise<void> | undefined;
  let stopped = false;
  let pausing: (() => void) | undefined;
  let takeSoonBack: (() => void) | undefined;
  const lastMs = { schedule: clock.monotonicMs(), rollouts: clock.monotonicMs() };

  const takeTurn = async (): Promise<void> => {
    const parts = new Set(asked);
    asked.clear();
    for (const part of parts) lastMs[part] = clock.monotonicMs();
    try {
      await turn(parts);
    } catch (error) {
      onError(error);
    }
    running = undefined;
    if (stopped) return;
    pausing = later(PAUSE_MS, () => {
      pausing = undefined;
      begin();
    });
  };
  const begin = (): void => {
    if (stopped || running !== undefined || pausing !== undefined || asked.size === 0) return;
    running = takeTurn();
  };
  const wake = (parts: readonly Part[]): void => {
    for (const part of parts) asked.add(part);
    begin();
  };
  const wakeSoon = (parts: readonly Part[]): void => {
    for (const part of parts) soon.add(part);
    takeSoonBack ??= later(SOON_MS, () => {
      takeSoonBack = undefined;
      const due = [...soon];
      soon.clear();
      wake(due);
    });
  };
  const isDue = (part: Part): boolean => clock.monotonicMs() - lastMs[part] >= DUE_MS[part];
  let takeTickBack: () => void;
  const tick = (): void => {
    takeTickBack = later(TICK_MS, tick);
    wake((['rollouts', 'schedule'] as const).filter(isDue));
  };
  takeTickBack = later(TICK_MS, tick);

  return {
    wake,
    wakeSoon,
    async stop() {
      stopped = true;
      takeTickBack();
      takeSoonBack?.();
      pausing?.();
      await running;
    },
  };
}

function onTimer(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}
