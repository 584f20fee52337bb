import {
  type AgentConfig,
  EXECUTIVE_ROLES,
  type ExecutiveRole,
  PLANNING_ROLES,
  type PlanningRole,
  type SubstituteConfig,
} from '@conclave/contracts';
import { shutdownOf, tierNear, tierOf } from '../tiers.ts';
import type { ModelLists, Teams } from './ask-lists.ts';
import { type Endpoint, endpointOf, keyOf, nameOfEndpoint } from './endpoint.ts';

/*
 * Who may speak for a chair. Pure: configuration, environment, the vendors' lists and the day in; candidates in order out.
 * 1. The chair's own model comes first, then its substitutes as listed; a tier stands for its ids, newest first.
 * 2. Without a key, or after its day of shutdown, a model is not asked. One that the vendor's list lacks, or whose key the list refuses, does
 *    not count as somebody who can speak; it is asked all the same where nobody else is left.
 * 3. A list that cannot be had, or is empty, speaks against nobody.
 */

/** Days before a shutdown from which on it is warned of. */
export const WARNING_DAYS = 30;
const DAY_MS = 86_400_000;

export type CandidateState =
  /** The vendor lists it. */
  | 'usable'
  /** It is asked, though no list confirms it. */
  | 'unverified'
  | 'no_key'
  | 'key_refused'
  | 'shut_down'
  /** The vendor's list lacks it. */
  | 'unknown';

export interface Candidate {
  readonly endpoint: Endpoint;
  /** The model's own id. */
  readonly model: string;
  /** The tier that the chair names it by. */
  readonly tier: string | undefined;
  readonly isSubstitute: boolean;
  readonly sdk: SubstituteConfig['sdk'];
  readonly state: CandidateState;
  /** ISO 8601 day of shutdown, where one is known. */
  readonly aliveUntil: string | undefined;
  /** Why it stands as it does, in a sentence with the way out. */
  readonly detail: string;
}

export interface SeatPlan {
  /** In the order in which they are asked. Empty for `rules`. */
  readonly candidates: readonly Candidate[];
  /** Who speaks: the first that can. Undefined when the chair is absent, and for `rules`. */
  readonly chosen: Candidate | undefined;
  /** Why nobody can speak. */
  readonly absent: string | undefined;
  /** What will go wrong soon, or what already goes another way than the chair asks for. */
  readonly warnings: readonly string[];
}

export interface SurveyedSeat extends SeatPlan {
  readonly team: 'planning' | 'executive';
  readonly role: PlanningRole | ExecutiveRole;
  readonly agent: AgentConfig;
}

/** Every chair of the two teams, planned. */
export function surveySeats(
  config: Teams,
  env: Readonly<NodeJS.ProcessEnv>,
  lists: ModelLists,
  now: Date = new Date(),
): SurveyedSeat[] {
  const planning = PLANNING_ROLES.map((role) => ({
    team: 'planning' as const,
    role,
    agent: config.planningTeam[role],
  }));
  const executive = EXECUTIVE_ROLES.map((role) => ({
    team: 'executive' as const,
    role,
    agent: config.executiveTeam[role],
  }));
  return [...planning, ...executive].map((seat) => ({ ...seat, ...planSeat(seat.agent, env, lists, now) }));
}

/** Who may speak for one chair, in order, and who does. */
export function planSeat(agent: AgentConfig, env: Readonly<NodeJS.ProcessEnv>, lists: ModelLists, now: Date): SeatPlan {
  if (agent.adapter === 'rules') return { candidates: [], chosen: undefined, absent: undefined, warnings: [] };
  const choices = [agent, ...agent.substitutes];
  const candidates = choices.flatMap((choice, index) =>
    modelsOf(choice).map((model) => candidateOf(choice, model, index > 0, { env, lists, now })),
  );
  const chosen = candidates.find(canSpeak);
  const absent = chosen === undefined ? [...new Set(candidates.map(({ detail }) => detail))].join('; ') : undefined;
  return { candidates, chosen, absent, warnings: warningsOf(agent.model, candidates, chosen, now) };
}

export function canSpeak({ state }: Pick<Candidate, 'state'>): boolean {
  return state === 'usable' || state === 'unverified';
}

function modelsOf({ adapter, model }: SubstituteConfig): readonly string[] {
  return tierOf(adapter, model) ?? [model];
}

interface Surroundings {
  readonly env: Readonly<NodeJS.ProcessEnv>;
  readonly lists: ModelLists;
  readonly now: Date;
}

function candidateOf(choice: SubstituteConfig, model: string, isSubstitute: boolean, around: Surroundings): Candidate {
  const endpoint = endpointOf(choice);
  const tier = model === choice.model ? undefined : choice.model;
  const aliveUntil = listedOf(endpoint, model, around.lists)?.shutdownOn ?? shutdownOf(model);
  const standing = standingOf(endpoint, model, tier, aliveUntil, around);
  return { endpoint, model, tier, isSubstitute, sdk: choice.sdk, aliveUntil, ...standing };
}

function standingOf(
  endpoint: Endpoint,
  model: string,
  tier: string | undefined,
  aliveUntil: string | undefined,
  { env, lists, now }: Surroundings,
): Pick<Candidate, 'state' | 'detail'> {
  const name = `${endpoint.adapter} ${model}`;
  if (keyOf(endpoint, env) === undefined) {
    return { state: 'no_key', detail: `${endpoint.apiKeyEnv} is not set; set it to the key for ${name}` };
  }
  const vendor = nameOfEndpoint(endpoint);
  const list = lists.get(endpoint.id);
  if (list !== undefined && 'failure' in list && list.keyRefused) {
    return { state: 'key_refused', detail: `${vendor} refuses the key in ${endpoint.apiKeyEnv}; set a valid one` };
  }
  const listed = listedOf(endpoint, model, lists);
  const isOver = aliveUntil !== undefined && aliveUntil <= now.toISOString().slice(0, 10);
  // What the vendor lists without a date is alive, whatever the table says.
  if (isOver && (listed === undefined || listed.shutdownOn !== undefined)) {
    return { state: 'shut_down', detail: `${name} was shut down on ${aliveUntil}; ${wayOut(endpoint, model)}` };
  }
  if (listed !== undefined) return { state: 'usable', detail: `${vendor} lists ${model}` };
  if (list === undefined) return { state: 'unverified', detail: `${vendor} was not asked for its list yet` };
  if ('failure' in list)
    return { state: 'unverified', detail: `${vendor} gave no list (${list.failure}); it is asked all the same` };
  if (endpoint.baseUrl !== undefined && tier === undefined) {
    return { state: 'unverified', detail: `${vendor} does not list ${model}; it is asked all the same` };
  }
  return { state: 'unknown', detail: `${vendor} does not list ${model} for this key; ${wayOut(endpoint, model)}` };
}

function listedOf({ id }: Endpoint, model: string, lists: ModelLists) {
  const list = lists.get(id);
  if (list === undefined || 'failure' in list) return undefined;
  // Ollama lists `qwen3:latest` for what is called qwen3.
  return list.models.find((listed) => listed.id === model || listed.id === `${model}:latest`);
}

function wayOut({ adapter }: Endpoint, model: string): string {
  const tier = tierNear(adapter, model);
  return tier === undefined ? 'name a tier or a living id' : `name the tier ${tier} or a living id`;
}

function warningsOf(
  asked: string,
  candidates: readonly Candidate[],
  chosen: Candidate | undefined,
  now: Date,
): string[] {
  if (chosen === undefined) return [];
  const warnings: string[] = [];
  if (chosen.isSubstitute) {
    const why = [...new Set(candidates.filter((c) => !c.isSubstitute).map(({ detail }) => detail))].join('; ');
    warnings.push(`${chosen.endpoint.adapter} ${chosen.model} speaks as a substitute for ${asked}: ${why}`);
  }
  for (const candidate of candidates) {
    if (candidate.aliveUntil === undefined || !canSpeak(candidate)) continue;
    const days = Math.ceil((Date.parse(candidate.aliveUntil) - now.getTime()) / DAY_MS);
    // An older id of a tier that ends is what a tier is for.
    if (days > WARNING_DAYS || days < 0 || (candidate !== chosen && candidate.tier !== undefined)) continue;
    warnings.push(
      `${candidate.endpoint.adapter} ${candidate.model} is shut down on ${candidate.aliveUntil}, in ${days} days; ${wayOut(candidate.endpoint, candidate.model)}`,
    );
  }
  return warnings;
}
