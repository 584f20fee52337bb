import type { HeardGates } from './heard-gates.ts';
import type { JournalMirror } from './journal/mirror.ts';
import type { Runners } from './runners.ts';
import type { Seats } from './seats.ts';
import type { WindowStore } from './telemetry/window-store.ts';

/** Everything this service knows, and the clock by which it says it. */
export interface Observed {
  readonly mirror: JournalMirror;
  readonly telemetry: WindowStore;
  readonly runners: Runners;
  /** How the gates stand now; without it, as they were recorded last. */
  readonly gates?: HeardGates;
  /** Who sits in the chairs; without it nothing is said of them. */
  readonly seats?: Seats;
  /** Seconds between the heartbeats that the leader records. */
  readonly heartbeatIntervalSeconds: number;
  now(): Date;
}
