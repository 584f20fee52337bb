import { type Bus, openSeats } from '@conclave/bus';
import { EXECUTIVE_ROLES, PLANNING_ROLES, type SeatingReport, type SeatStatus } from '@conclave/contracts';

const MISSING = { reason: 'ANTHROPIC_API_KEY is not set', wayOut: 'set ANTHROPIC_API_KEY' };

/** Both teams as a planner and an executor report them, with those roles absent. */
export function realisticSeating(now: Date, absent: readonly string[] = []): [SeatingReport, SeatingReport] {
  const seat = (role: string): SeatStatus => {
    const speaker = { adapter: 'anthropic', model: 'claude-opus-5-5' } as const;
    if (absent.includes(role)) return { role, state: 'absent', speaker, ...MISSING, warnings: [] };
    return { role, state: 'present', speaker, reason: '', wayOut: '', warnings: [] };
  };
  const at = now.toISOString();
  return [
    { team: 'planning', instance: 'planner-0', at, quorum: 4, seats: PLANNING_ROLES.map(seat) },
    { team: 'executive', instance: 'executor-0', at, seats: EXECUTIVE_ROLES.map(seat) },
  ];
}

export async function putSeating(bus: Bus, [planning, executive]: [SeatingReport, SeatingReport]): Promise<void> {
  await openSeats(bus, 'planner').put('planner-0', planning);
  await openSeats(bus, 'executor').put('executor-0', executive);
}
