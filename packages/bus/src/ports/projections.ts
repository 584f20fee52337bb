import type { Follower } from './journal.ts';

export type Stop = () => Promise<void>;

/** Who is there: entries must be put again within 10 s or they expire, for watchers too. */
export interface Membership {
  put(id: string, value: unknown): Promise<void>;
  delete(id: string): Promise<void>;
  /** Calls `onChange` with everything, first when the present state is known, then after each change or expiry. */
  watch(onChange: (all: ReadonlyMap<string, unknown>) => void): Promise<Stop>;
  all(): Promise<Map<string, unknown>>;
}

/** Where a stored message stands. */
export interface StoredAt {
  readonly seq: number;
  readonly subject: string;
  /** Time the server stored it, ISO 8601. */
  readonly storedAt: string;
}

export interface FollowTelemetryOptions {
  /** Subject filter, e.g. `subjects.telemetryAll`. */
  readonly filter: string | readonly string[];
  /** ISO 8601: messages stored since then. */
  readonly sinceIso: string;
  onMessage(json: unknown, at: StoredAt): void | Promise<void>;
  onCaughtUp?(): void;
  /** A message that is no JSON or whose handler failed is reported here and skipped. */
  onError(error: unknown): void;
}

export type { Follower };
