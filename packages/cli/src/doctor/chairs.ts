import { accessSync, constants } from 'node:fs';
import {
  type Candidate,
  canSpeak,
  type ModelLists,
  type SurveyedSeat,
  seatStatus,
  surveySeats,
} from '@conclave/agents';
import { type ConclaveConfig, counted, type SeatStatus } from '@conclave/contracts';
import { type Check, ok, problem, warning } from './check.ts';

const GROUPS = { planning: 'Planning team', executive: 'Executive team' } as const;

/** A row for each chair: who speaks, until when that model lives, and who stands in; and whether the advisors are enough to decide. */
export function checkChairs(
  config: ConclaveConfig,
  env: Readonly<NodeJS.ProcessEnv>,
  lists: ModelLists,
  now: Date,
): Check[] {
  const seats = surveySeats(config, env, lists, now).map((seat) => ({ ...seat, prompt: promptFault(seat) }));
  return (['planning', 'executive'] as const).flatMap((team) => {
    const own = seats.filter((seat) => seat.team === team);
    const group = GROUPS[team];
    const rows = own.every(({ agent }) => agent.adapter === 'rules')
      ? [ok(group, 'all six', 'rules, a deterministic stand-in and no language model')]
      : own.map((seat) => checkChair(seat, statusOf(seat)));
    return team === 'planning' ? [...rows, checkQuorum(own.map(statusOf), config.meeting.quorum)] : rows;
  });
}

type Seat = SurveyedSeat & { readonly prompt: string | undefined };

function statusOf(seat: Seat): SeatStatus {
  const status = seatStatus(seat.role, seat.agent, { plan: () => seat, rests: { restOf: () => undefined } });
  if (seat.prompt === undefined || status.state === 'absent') return status;
  return { ...status, state: 'absent', reason: seat.prompt, wayOut: `correct ${seat.team}Team.${seat.role}.prompt` };
}

function checkChair(seat: Seat, { state, reason, wayOut, warnings }: SeatStatus): Check {
  const { role, agent, chosen } = seat;
  const group = GROUPS[seat.team];
  if (agent.adapter === 'rules') return ok(group, role, 'rules, no language model');
  if (state === 'absent' || chosen === undefined) {
    return problem(
      group,
      role,
      `absent, ${agent.model} was wanted: ${reason}`,
      wayOut === '' ? 'name a living model or a tier' : wayOut,
    );
  }
  const detail = `${speaks(agent.model, chosen)}; ${standIns(seat, chosen)}`;
  if (state === 'substitute') return warning(group, role, `${detail}; not ${agent.model}: ${reason}`, wayOutOf(seat));
  if (warnings.length > 0) return warning(group, role, detail, warnings.join('; '));
  return ok(group, role, chosen.state === 'unverified' ? `${detail}; not confirmed by a list` : detail);
}

function speaks(asked: string, { endpoint, model, aliveUntil }: Candidate): string {
  const tier = asked === model ? '' : `${asked}: `;
  const where = endpoint.baseUrl === undefined ? '' : ` at ${endpoint.baseUrl}`;
  return `${tier}${model}${where}, ${aliveUntil === undefined ? 'no end announced' : `alive until ${aliveUntil}`}`;
}

/** The first that can speak of each other choice, in the order in which they are asked. */
function standIns({ candidates, agent }: Seat, chosen: Candidate): string {
  const others = candidates.filter((candidate) => canSpeak(candidate) && candidate !== chosen);
  const firsts = [...new Map(others.map((c) => [`${c.endpoint.id} ${c.tier ?? c.model}`, c])).keys()].flatMap((key) => {
    const first = others.find((c) => `${c.endpoint.id} ${c.tier ?? c.model}` === key);
    return first === undefined || (first.tier !== undefined && first.tier === chosen.tier) ? [] : [first.model];
  });
  if (firsts.length > 0) return `then ${firsts.join(', ')}`;
  const named = agent.adapter === 'rules' ? 0 : agent.substitutes.length;
  return named === 0 ? 'no substitute' : 'no substitute can speak';
}

function wayOutOf({ candidates }: Seat): string {
  const own = candidates.filter(({ isSubstitute }) => !isSubstitute);
  const unset = [...new Set(own.filter(({ state }) => state === 'no_key').flatMap((c) => c.endpoint.apiKeyEnv ?? []))];
  if (unset.length > 0) return `it works so; for its own model set ${unset.join(', ')}`;
  const refused = own.find(({ state }) => state === 'key_refused');
  return refused === undefined ? 'name a tier or a living model' : `set a valid ${refused.endpoint.apiKeyEnv}`;
}

/** The planner seats nobody without a prompt; the executor has one of its own for a chair that names none. */
function promptFault({ team, role, agent }: SurveyedSeat): string | undefined {
  if (agent.adapter === 'rules') return undefined;
  if (agent.prompt === undefined) return team === 'planning' ? `no prompt is named for ${role}` : undefined;
  try {
    accessSync(agent.prompt, constants.R_OK);
    return undefined;
  } catch {
    return `its prompt ${agent.prompt} cannot be read`;
  }
}

function checkQuorum(seats: readonly SeatStatus[], quorum: number): Check {
  const present = seats.filter(({ state }) => state !== 'absent').length;
  const detail = `${present} of ${seats.length} can vote, ${counted(quorum, 'ballot')} needed`;
  if (present >= quorum) return ok('Planning team', 'quorum', detail);
  return problem(
    'Planning team',
    'quorum',
    `no meeting can decide, no model advances: ${detail}`,
    'seat more advisors: any one key that a chair or its substitutes name does; or seat rules: npm start -- --config config/without_keys.yaml',
  );
}
