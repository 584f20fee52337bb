import { accessSync, constants } from 'node:fs';
import {
  type Candidate,
  canSpeak,
  type ModelLists,
  type SurveyedSeat,
  seatStatus,
  surveySeats,
} from '@conclave/agents';
import type { ConclaveConfig, SeatStatus } from '@conclave/contracts';
import { counted } from '@conclave/core';
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
    return team === 'planning' ? [...rows, checkQuorum(own, config.meeting.quorum)] : rows;
  });
}

type Seat = SurveyedSeat & { readonly prompt: string | undefined };

function statusOf(seat: Seat): SeatStatus {
  const status = seatStatus(seat.role, seat.agent, { plan: () => seat, rests: { restOf: () => undefined } });
  if (seat.prompt === undefined || status.state === 'absent') return status;
  return { ...status, state: 'absent', reason: seat.prompt, wayOut: `correct ${seat.team}Team.${seat.role}.prompt` };
}

function checkChair(seat: Seat, { state, reason, wayOut, warnings }: SeatStatus): Check {
  const { role, agent, chosen, candidates } = seat;
  const group = GROUPS[seat.team];
  if (agent.adapter === 'rules') return ok(group, role, 'rules, no language model');
  if (state === 'absent' || chosen === undefined) {
    const why = candidates.every((candidate) => candidate.state === 'no_key') ? 'no key is set' : reason;
    return problem(group, role, `absent: ${why}`, wayOut === '' ? 'name a living model or a tier' : wayOut);
  }
  const detail = `${modelText(chosen)}; ${standIns(seat, chosen)}`;
  // Keys have rows of their own.
  if (state === 'substitute')
    return warning(group, role, `${detail}; in place of ${agent.model}: ${reason}`, todoOf(seat));
  if (warnings.length > 0) return warning(group, role, detail, warnings.join('; '));
  if (chosen.state === 'usable') return ok(group, role, detail);
  return warning(
    group,
    role,
    `${detail}; not confirmed`,
    'the list of its vendor does not tell; see its row under Keys',
  );
}

function modelText({ endpoint, model, aliveUntil }: Candidate): string {
  const where = endpoint.baseUrl === undefined ? '' : ` at ${endpoint.baseUrl}`;
  return `${model}${where}, ${aliveUntil === undefined ? 'no end announced' : `alive until ${aliveUntil}`}`;
}

/** The first that can speak of each other choice, in the order in which they are asked. */
function standIns({ candidates }: Seat, chosen: Candidate): string {
  const choiceOf = ({ endpoint, tier, model }: Candidate): string => `${endpoint.id} ${tier ?? model}`;
  const others = candidates.filter((c) => canSpeak(c) && choiceOf(c) !== choiceOf(chosen));
  const firsts = [...Map.groupBy(others, choiceOf).values()].flatMap(([first]) => first?.model ?? []);
  return firsts.length === 0 ? 'no substitute' : `then ${firsts.join(', ')}`;
}

function todoOf({ candidates }: Seat): string {
  const own = candidates.filter(({ isSubstitute }) => !isSubstitute);
  const isGone = own.some(({ state }) => state === 'shut_down' || state === 'unknown');
  return isGone ? 'name a tier or a living model as its own' : '';
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

function checkQuorum(seats: readonly Seat[], quorum: number): Check {
  const voting = seats.filter((seat) => statusOf(seat).state !== 'absent');
  const sure = voting.filter(({ agent, chosen }) => agent.adapter === 'rules' || chosen?.state === 'usable');
  const needed = `${counted(quorum, 'ballot')} needed`;
  const detail = `${voting.length} of ${seats.length} can vote, ${needed}`;
  if (voting.length < quorum) {
    const todo =
      'seat more advisors: any one key that a chair or its substitutes name does; or seat rules: npm start -- --bare';
    return problem('Planning team', 'quorum', `no meeting can decide, no model advances: ${detail}`, todo);
  }
  if (sure.length >= quorum) return ok('Planning team', 'quorum', detail);
  const unsure = `${detail}; only ${sure.length} are confirmed by their vendor's list`;
  return warning('Planning team', 'quorum', unsure, 'see the rows under Keys');
}
