/** Stops this process from doing anything for so long, as a machine does that is busy with others: timers are late, messages lie unread. */
export function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
