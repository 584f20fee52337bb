import { connectBus, keyringFromFile, openSeats } from '@conclave/bus';
import { type SeatingReport, seatingReport } from '@conclave/contracts';
import { describeSeating, type Level, type Seating, seatingLines, seatingOf } from '@conclave/core';
import type { Stack } from './stack.ts';

/** Time that both teams have to report themselves before what is known is told. */
const FIRST_REPORTS_MS = 10_000;

export interface SeatAnnouncer {
  /** As reported last. */
  readonly seating: Seating;
  stop(): Promise<void>;
}

/**
 * Tells who sits and who is absent and why, headline first: once the teams have reported themselves, and whenever it changes. Resolves
 * after the first telling.
 */
export async function announceSeats(
  stack: { readonly natsUrl: string; readonly credentials: Pick<Stack['credentials'], 'seed' | 'keyringFile'> },
  tell: (lines: readonly string[], level: Level) => void,
): Promise<SeatAnnouncer> {
  const bus = await connectBus({
    servers: stack.natsUrl,
    name: 'stack',
    nkeySeed: await stack.credentials.seed('operator'),
    user: 'operator',
    keyring: keyringFromFile(stack.credentials.keyringFile),
  });
  let seating = seatingOf([]);
  let isTelling = false;
  let told: string | undefined;
  const whole = Promise.withResolvers<void>();
  const tellChange = (): void => {
    const description = describeSeating(seating);
    const lines = seatingLines(description);
    if (!isTelling || lines.join('\n') === told) return;
    told = lines.join('\n');
    tell(lines, description.level);
  };
  const stopWatching = await openSeats(bus).watch((all) => {
    seating = seatingOf([...all.values()].flatMap(reportOf));
    if (seating.planning !== undefined && seating.executive !== undefined) whole.resolve();
    tellChange();
  });
  const timer = setTimeout(whole.resolve, FIRST_REPORTS_MS);
  await whole.promise;
  clearTimeout(timer);
  isTelling = true;
  tellChange();
  return {
    get seating() {
      return seating;
    },
    async stop() {
      isTelling = false;
      await stopWatching();
      await bus.drain();
    },
  };
}

function reportOf(value: unknown): SeatingReport[] {
  const parsed = seatingReport.safeParse(value);
  return parsed.success ? [parsed.data] : [];
}
