/** A message that does not count, because nobody who may write there has signed it for that place. */
export interface Quarantined {
  readonly stream: 'journal' | 'telemetry' | 'runners' | 'seats' | 'snapshots';
  /** Sequence in its stream. */
  readonly seq: number;
  readonly subject: string;
  readonly storedAt: string;
  /** Completes "it does not count: ...", e.g. `it is not signed`. */
  readonly reason: string;
  readonly bytes: Uint8Array;
}
