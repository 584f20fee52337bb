import { type Bus, openSeats } from '@conclave/bus';
import { EXECUTIVE_ROLES, PLANNING_ROLES, type SeatedTeam, type SeatStatus } from '@conclave/contracts';

const AGAIN_MS = 2000;

/** A chair as `rules` fills it. */
export function seated(role: string, more: Partial<SeatStatus> = {}): SeatStatus {
  const speaker = { adapter: 'rules', model: 'rules' } as const;
  return { role, state: 'present', speaker, reason: '', wayOut: '', warnings: [], ...more };
}

/** Both teams report themselves, as a planner and an executor would, until what is returned is called. */
export async function standInSeats(
  bus: Bus,
  seat: (role: string) => SeatStatus = seated,
): Promise<() => Promise<void>> {
  const put = async (team: SeatedTeam, roles: readonly string[]): Promise<void> => {
    const at = new Date().toISOString();
    const quorum = team === 'planning' ? 4 : undefined;
    await members[team].put('0', { team, instance: `${team}-0`, at, quorum, seats: roles.map(seat) });
  };
  const members = { planning: openSeats(bus, 'planner'), executive: openSeats(bus, 'executor') };
  const report = async (): Promise<void> => {
    await Promise.all([put('planning', PLANNING_ROLES), put('executive', EXECUTIVE_ROLES)]);
  };
  await report();
  const timer = setInterval(() => void report().catch(() => undefined), AGAIN_MS);
  return async () => {
    clearInterval(timer);
    await Promise.all(Object.values(members).map((each) => each.delete('0')));
  };
}
