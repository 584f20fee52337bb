import { type Bus, openJournal, openMembership, publishTelemetry } from '@conclave/bus';
import { subjects } from '@conclave/contracts';
import { writeTo } from '@conclave/histories';
import { realisticHistory } from './history.ts';
import { realisticRunner, realisticWindows } from './telemetry.ts';

/** Writes the realistic history, the last minutes of telemetry and one runner to a server. Its user must be allowed to write all that. */
export async function fill(bus: Bus, now: Date, minutes = 12): Promise<void> {
  const journal = openJournal(bus, { by: 'history' });
  await writeTo(journal, realisticHistory(now));
  for (const window of realisticWindows(now, minutes))
    await publishTelemetry(bus, subjects.telemetry(window.model, window.version), window);
  await openMembership(bus).put('gpu-runner-0', realisticRunner(now));
}
