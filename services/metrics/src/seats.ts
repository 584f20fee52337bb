import { type Bus, openSeats, type Stop } from '@conclave/bus';
import { type SeatingReport, seatingReport, zodMessage } from '@conclave/contracts';
import { type Seating, seatingOf } from '@conclave/core';

/** Who sits in the chairs of both teams, as their services report it now. */
export class Seats {
  #seating: Seating = seatingOf([]);

  get seating(): Seating {
    return this.#seating;
  }

  set(reports: readonly SeatingReport[]): void {
    this.#seating = seatingOf(reports);
  }
}

/** Keeps `seats` up to date. A report that cannot be read goes to `onUnreadable` and counts as none. */
export async function watchSeats(bus: Bus, seats: Seats, onUnreadable: (reason: string) => void): Promise<Stop> {
  return await openSeats(bus).watch((all) => {
    const reports: SeatingReport[] = [];
    for (const [id, value] of all) {
      const parsed = seatingReport.safeParse(value);
      if (parsed.success) reports.push(parsed.data);
      else onUnreadable(`${id}: ${zodMessage(parsed.error, value)}`);
    }
    seats.set(reports);
  });
}
