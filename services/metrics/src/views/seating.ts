import { describeSeating, type Seating, whyNobodyDecides } from '@conclave/contracts';

/** Who sits and who is absent, with the sentences that the page shows. */
export function seatingView(seating: Seating) {
  const seats = [...(seating.planning ?? []), ...(seating.executive ?? [])];
  return {
    ...describeSeating(seating),
    quorum: seating.quorum ?? null,
    planning: seating.planning ?? null,
    executive: seating.executive ?? null,
    present: seats.filter(({ state }) => state !== 'absent').length,
    chairs: seats.length,
    cannotDecide: whyNobodyDecides(seating) ?? null,
  };
}
