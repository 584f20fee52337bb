import { readFileSync } from 'node:fs';
import { createChatModel, type Roster } from '@conclave/agents';
import { type ConclaveConfig, messageOf, type PlanningRole } from '@conclave/contracts';
import type { Seat, Team } from './advisor.ts';
import { chatAdvisor } from './chat/chat-advisor.ts';
import { rulesAdvisor } from './rules/rules-advisor.ts';

/**
 * The planning team of a configuration. A seat without any key or without prompt is absent and says why.
 * @param roster what is known of the vendors; without one their lists are not asked for.
 */
export function seatTeam(
  config: Pick<ConclaveConfig, 'planningTeam'>,
  env: Readonly<NodeJS.ProcessEnv>,
  roster?: Roster,
): Team {
  const seat = (role: PlanningRole): Seat => seatOf(role, config, env, roster);
  return {
    moderator: seat('moderator'),
    pre_architect: seat('pre_architect'),
    data_analyst: seat('data_analyst'),
    tech_analysis: seat('tech_analysis'),
    critic: seat('critic'),
    cotrr_team: seat('cotrr_team'),
  };
}

function seatOf(
  role: PlanningRole,
  config: Pick<ConclaveConfig, 'planningTeam'>,
  env: NodeJS.ProcessEnv,
  roster: Roster | undefined,
): Seat {
  const agent = config.planningTeam[role];
  if (agent.adapter === 'rules') return rulesAdvisor(role);
  const model = createChatModel(agent, env, roster);
  if ('absent' in model) return { role, absent: model.absent };
  if (agent.prompt === undefined) return { role, absent: `the configuration names no prompt for ${role}` };
  try {
    const { maxOutputTokens } = agent;
    return chatAdvisor(role, model, { prompt: readFileSync(agent.prompt, 'utf8'), maxOutputTokens });
  } catch (error) {
    return { role, absent: `the prompt of ${role} cannot be read: ${messageOf(error)}` };
  }
}
