import type { AgentConfig, SeatStatus, Speaker } from '@conclave/contracts';
import { nameOfEndpoint } from './endpoint.ts';
import { type Candidate, canSpeak, type SeatPlan } from './plan-seat.ts';
import type { Roster } from './roster.ts';

/** As much of a roster as tells who speaks. */
export interface Known {
  plan(agent: AgentConfig): SeatPlan;
  readonly rests: Pick<Roster['rests'], 'restOf'>;
}

const RULES: Speaker = { adapter: 'rules', model: 'rules' };

/**
 * Who speaks for a chair by what is known now, for people: configuration, keys, the vendors' lists and the calls that failed of late.
 * @param roster of the process whose chair it is.
 */
export function seatStatus(role: string, agent: AgentConfig, roster: Known): SeatStatus {
  if (agent.adapter === 'rules') {
    return { role, state: 'present', speaker: RULES, reason: '', wayOut: '', warnings: [] };
  }
  const plan = roster.plan(agent);
  const failed = (candidate: Candidate): string | undefined => roster.rests.restOf(candidate)?.error.message;
  const able = plan.candidates.filter(canSpeak);
  const well = able.find((candidate) => failed(candidate) === undefined);
  const speaker = speakerOf(well ?? plan.candidates[0], agent.model);
  if (well === undefined) {
    const failures = [...new Set(able.flatMap((candidate) => failed(candidate) ?? []))];
    const reason = [...failures, reasonOf(plan.candidates.filter((candidate) => !canSpeak(candidate)))];
    const wayOut = wayOutOf(plan.candidates);
    return { role, state: 'absent', speaker, reason: joined(reason), wayOut, warnings: [] };
  }
  const warnings = endings(plan);
  if (!well.isSubstitute) return { role, state: 'present', speaker, reason: '', wayOut: '', warnings };
  const own = plan.candidates.filter(({ isSubstitute }) => !isSubstitute);
  const failures = [...new Set(own.filter(canSpeak).flatMap((candidate) => failed(candidate) ?? []))];
  const reason = joined([...failures, reasonOf(own.filter((candidate) => !canSpeak(candidate)))]);
  return { role, state: 'substitute', speaker, reason, wayOut: '', warnings };
}

/** Why none of these can speak, each vendor once, keys that are not set together. */
export function reasonOf(candidates: readonly Candidate[]): string {
  const unset = keysOf(candidates, 'no_key');
  const refused = candidates.filter(({ state }) => state === 'key_refused');
  const others = candidates.filter(({ state }) => state !== 'no_key' && state !== 'key_refused');
  return joined([
    ...(unset.length === 0 ? [] : [`${listed(unset, 'and')} ${unset.length === 1 ? 'is' : 'are'} not set`]),
    ...refused.map(({ endpoint }) => `${nameOfEndpoint(endpoint)} refuses the key in ${endpoint.apiKeyEnv}`),
    ...others.map(({ detail }) => detail),
  ]);
}

/** What brings one of these back: a key, or a valid one. Empty where keys are not what is wrong. */
export function wayOutOf(candidates: readonly Candidate[]): string {
  const unset = keysOf(candidates, 'no_key');
  const refused = keysOf(candidates, 'key_refused');
  const ways = [
    ...(refused.length === 0 ? [] : [`set a valid ${listed(refused, 'or')}`]),
    ...(unset.length === 0 ? [] : [`set ${listed(unset, 'or')}`]),
  ];
  return ways.join(', or ');
}

/** The plan's warnings but for the substitution itself, which the state says. */
function endings({ warnings }: SeatPlan): string[] {
  return warnings.filter((warning) => !warning.includes(' speaks as a substitute for '));
}

function keysOf(candidates: readonly Candidate[], state: Candidate['state']): string[] {
  const keys = candidates.filter((candidate) => candidate.state === state).flatMap((c) => c.endpoint.apiKeyEnv ?? []);
  return [...new Set(keys)].sort();
}

function speakerOf(candidate: Candidate | undefined, asked: string): Speaker {
  if (candidate === undefined) return { adapter: 'rules', model: 'none' };
  return { adapter: candidate.endpoint.adapter, model: candidate.state === 'no_key' ? asked : candidate.model };
}

function joined(parts: readonly string[]): string {
  return [...new Set(parts)].filter((part) => part !== '').join('; ');
}

function listed(names: readonly string[], word: 'and' | 'or'): string {
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} ${word} ${names.at(-1)}`;
}
