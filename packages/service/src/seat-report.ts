import { type Bus, openSeats } from '@conclave/bus';
import { messageOf, type SeatedTeam, type SeatingReport, type SeatStatus, seatingReport } from '@conclave/contracts';
import { describeTeam, seatingLines } from '@conclave/core';
import type { Logger } from 'pino';

/** Well below the ten seconds that a report lives. */
const REPORT_MS = 2000;
const SERVICE = { planning: 'planner', executive: 'executor' } as const;

export interface SeatReportOptions {
  readonly bus: Bus;
  readonly log: Logger;
  readonly team: SeatedTeam;
  readonly instance: string;
  /** Advisors that must cast a ballot. */
  readonly quorum?: number;
  /** Who sits now. */
  readonly seats: () => readonly SeatStatus[];
}

/**
 * Tells every two seconds who sits in the chairs of this process, and logs it at the start and whenever it changes: absences, substitutes
 * and what will go wrong soon as warnings. What dies with the process are the reports, which then expire.
 */
export function startSeatReport(options: SeatReportOptions): { stop(): Promise<void> } {
  const { bus, log, team, instance, quorum, seats } = options;
  const members = openSeats(bus, SERVICE[team]);
  let logged: string | undefined;
  let isUnheard = false;
  let putting: Promise<void> | undefined;
  const report = async (): Promise<void> => {
    const at = new Date().toISOString();
    const now = seatingReport.parse({ team, instance, at, quorum, seats: seats() });
    const told = JSON.stringify(now.seats);
    if (told !== logged) logSeats(log, now);
    logged = told;
    try {
      await members.put(instance, now);
      isUnheard = false;
    } catch (error) {
      if (!isUnheard) log.warn({ reason: messageOf(error) }, 'nobody hears who sits here; telling it again');
      isUnheard = true;
    }
  };
  const tick = (): void => {
    putting ??= report().finally(() => {
      putting = undefined;
    });
  };
  tick();
  const timer = setInterval(tick, REPORT_MS);
  return {
    async stop() {
      clearInterval(timer);
      await putting;
      await members.delete(instance).catch(() => {});
    },
  };
}

function logSeats(log: Logger, report: SeatingReport): void {
  const description = describeTeam(report);
  const [headline = '', ...more] = seatingLines(description);
  const seats = Object.fromEntries(report.seats.map(({ role, state, speaker }) => [role, { state, speaker }]));
  if (description.level === 'good') log.info({ seats }, headline);
  else log.warn({ seats, detail: more }, headline);
}
