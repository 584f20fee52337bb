import { type Bus, type Follower, followTelemetry } from '@conclave/bus';
import { ConclaveError, subjects, telemetryWindow, zodMessage } from '@conclave/contracts';
import type { WindowStore } from './window-store.ts';

/** Reads the windows of the time that the store keeps, then live ones. A window that cannot be read goes to `onError` and is left out. */
export function followWindows(bus: Bus, store: WindowStore, now: Date, onError: (error: unknown) => void): Follower {
  return followTelemetry(bus, {
    filter: subjects.telemetryAll,
    sinceIso: new Date(now.getTime() - store.keptMs).toISOString(),
    onMessage: (json, at) => {
      const parsed = telemetryWindow.safeParse(json);
      if (parsed.success) return store.add(parsed.data);
      throw new ConclaveError(
        'CVE_MESSAGE_MALFORMED',
        `message ${at.seq} on ${at.subject} is no telemetry window: ${zodMessage(parsed.error, json)}`,
      );
    },
    // The coordinator reports it.
    onQuarantined() {},
    onError,
  });
}
