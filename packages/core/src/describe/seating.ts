import { EXECUTIVE_ROLES, PLANNING_ROLES, type SeatingReport, type SeatStatus } from '@conclave/contracts';
import { type Seating, waysOut, whyNobodyDecides } from '../seating.ts';
import type { Level } from './said.ts';
import { counted, speakerLabel } from './words.ts';

/** Who is absent and why, ready for a terminal, a log or a page. */
export interface SeatingDescription {
  /** `good`: everybody sits in their own chair; `warn`: some do not; `bad`: no meeting can decide, or a team is not there at all. */
  readonly level: Extract<Level, 'good' | 'warn' | 'bad'>;
  /** `5 of 12 agents are absent: no quorum, 4 ballots needed, 1 can vote`. */
  readonly headline: string;
  /** Absent or substituted, those of one reason together. */
  readonly groups: readonly SeatGroup[];
  /** What will go wrong soon. */
  readonly warnings: readonly string[];
  /** What to do, each way once. */
  readonly waysOut: readonly string[];
}

export interface SeatGroup {
  readonly state: 'absent' | 'substitute';
  readonly roles: readonly string[];
  /** The same as people say it: a whole team is named as one. */
  readonly who: string;
  readonly reason: string;
}

export function describeSeating(seating: Seating): SeatingDescription {
  const seats = [...(seating.planning ?? []), ...(seating.executive ?? [])];
  const absent = seats.filter(({ state }) => state === 'absent');
  const substituted = seats.filter(({ state }) => state === 'substitute');
  const nobody = whyNobodyDecides(seating);
  const isUnreported = seating.planning === undefined || seating.executive === undefined;
  const level = nobody !== undefined || isUnreported ? 'bad' : absent.length + substituted.length > 0 ? 'warn' : 'good';
  const warnings = [...new Set(seats.flatMap((seat) => seat.warnings))];
  return {
    level: level === 'good' && warnings.length > 0 ? 'warn' : level,
    headline: headlineOf(seating, seats, absent, substituted),
    groups: [...groupsOf('absent', absent), ...groupsOf('substitute', substituted)],
    warnings,
    waysOut: waysOut([...absent, ...substituted]),
  };
}

/** The seating with its sentences: what the status page and `status --json` are given. */
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

/** The same of one team alone. */
export function describeTeam({
  team,
  seats,
  quorum,
}: Pick<SeatingReport, 'team' | 'seats' | 'quorum'>): SeatingDescription {
  const isPlanning = team === 'planning';
  return describeSeating({ planning: isPlanning ? seats : [], executive: isPlanning ? [] : seats, quorum });
}

/** The description as lines, the headline first. Nothing but the headline when all is well. */
export function seatingLines({ headline, groups, warnings, waysOut: ways }: SeatingDescription): string[] {
  return [
    headline,
    ...groups.map(({ state, who, reason }) =>
      state === 'absent' ? `absent: ${who}: ${reason}` : `substituted: ${who}: ${reason}`,
    ),
    ...warnings.map((warning) => `soon: ${warning}`),
    ...(ways.length === 0 ? [] : [`what to do: ${[...ways, 'see conclave doctor'].join('; ')}`]),
  ];
}

function headlineOf(
  seating: Seating,
  seats: readonly SeatStatus[],
  absent: readonly SeatStatus[],
  substituted: readonly SeatStatus[],
): string {
  const missing = [
    ...(seating.planning === undefined ? ['no planner reports its six advisors'] : []),
    ...(seating.executive === undefined ? ['no executor reports its six workers'] : []),
  ];
  const parts = [
    ...missing,
    ...(absent.length === 0
      ? []
      : [`${absent.length} of ${counted(seats.length, 'agent')} ${absent.length === 1 ? 'is' : 'are'} absent`]),
  ];
  if (parts.length === 0) {
    const who = `all ${counted(seats.length, 'agent')} present`;
    if (substituted.length > 0) return `${who}, ${substituted.length} by a substitute`;
    const speakers = new Set(seats.map((seat) => speakerLabel(seat.speaker)));
    return speakers.size === 1 ? `${who}, all ${[...speakers].join()}` : who;
  }
  return [parts.join('; '), ...quorumText(seating)].join(': ');
}

/** Whether a meeting can decide; nothing where no planning team is asked about. */
function quorumText({ planning, quorum }: Seating): string[] {
  if (planning === undefined) return ['no meeting can be held'];
  if (quorum === undefined) return [];
  const present = planning.filter(({ state }) => state !== 'absent').length;
  const needed = `${counted(quorum, 'ballot')} needed, ${present} can vote`;
  return [present < quorum ? `no quorum, ${needed}` : `the quorum is met, ${needed}`];
}

/** Those whose state and reason are the same, in the order of the chairs. */
function groupsOf(state: SeatGroup['state'], seats: readonly SeatStatus[]): SeatGroup[] {
  return [...Map.groupBy(seats, ({ reason }) => reason)].map(([reason, same]) => ({
    state,
    reason,
    roles: same.map(({ role }) => role),
    who: whoAre(same.map(({ role }) => role)),
  }));
}

const TEAMS: readonly (readonly [name: string, roles: readonly string[]])[] = [
  ['the whole planning team', PLANNING_ROLES],
  ['the whole executive team', EXECUTIVE_ROLES],
];

function whoAre(roles: readonly string[]): string {
  const whole = TEAMS.filter(([, team]) => team.every((role) => roles.includes(role)));
  const rest = roles.filter((role) => !whole.some(([, team]) => team.includes(role)));
  return [...whole.map(([name]) => name), ...rest].join(', ');
}
