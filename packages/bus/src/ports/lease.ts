/** Proof of holding a lease. */
export interface Lease {
  /** The acquisition's revision: it grows with each acquisition, so a lower one is stale. */
  readonly fence: number;
  readonly holder: string;
  /** False past the deadline, even in a process that slept through it and had nothing fire. */
  isHeld(): boolean;
}

export interface LeaseOptions {
  /** The lease's name, e.g. `leader`. */
  readonly name: string;
  /** This instance. */
  readonly holder: string;
  /** Milliseconds until an unrenewed lease can be taken by another. It is the bucket's, so equal for all leases. */
  readonly ttlMs: number;
  /** Milliseconds by which the holder stops earlier than the others may start. Default ttlMs / 6. */
  readonly marginMs?: number | undefined;
  onAcquired(lease: Lease): void;
  onLost(reason: string): void;
}

export interface LeaseHandle {
  /** The lease while it is held, else undefined. */
  readonly current: Lease | undefined;
  /** Gives the lease up (the next holder may start at once) and stops trying. */
  release(): Promise<void>;
}
