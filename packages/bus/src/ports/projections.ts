import type { Follower } from './journal.ts';
import type { Quarantined } from './quarantined.ts';

export type Stop = () => Promise<void>;

/** Who is there: entries must be put again within 10 s or they expire, for watchers too. */
export interface Membership {
  /** @throws CVE_BUS_UNAVAILABLE; CVE_UNAUTHORIZED when this process has no key to sign it with */
  put(id: string, value: unknown): Promise<void>;
  /** Throws as `put` does. */
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
  /** Instead: messages after that sequence of the stream. */
  readonly afterSeq?: number | undefined;
  onMessage(json: unknown, at: StoredAt): void | Promise<void>;
  /** A message that no gpu-runner has signed, or that is no JSON: everybody passes over it. */
  onQuarantined(message: Quarantined): void;
  onCaughtUp?(): void;
  /** A message whose handler failed is reported here and skipped; so is the end of following. */
  onError(error: unknown): void;
}

/** Where the stream of telemetry is. */
export interface TelemetryEnd {
  /** Sequence of its last message, also when that has expired; 0 when there never was one. */
  readonly lastSeq: number;
  /** When it was made: a stream that was made anew begins again at 1. */
  readonly created: string;
}

export type { Follower };
