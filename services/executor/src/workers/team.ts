import { readFileSync } from 'node:fs';
import { type ChatModel, createChatModel, type Roster } from '@conclave/agents';
import {
  type AgentConfig,
  type ConclaveConfig,
  ConclaveError,
  type ExecutiveRole,
  messageOf,
  type PlannedAction,
  type ToolName,
} from '@conclave/contracts';
import type { Tool } from '../tools/tool.ts';
import { absentWorker } from './absent.ts';
import { agentWorker } from './agent.ts';
import { rulesWorker } from './rules.ts';
import type { Worker } from './worker.ts';

type Member = () => Worker;

/**
 * The executive team as configured: who carries out an action. A role without an entry, or without any key, is absent.
 * @param roster what is known of the vendors; without one their lists are not asked for.
 * @throws CVE_CONFIG_UNREADABLE for a prompt that cannot be read.
 */
export function assembleTeam(
  team: ConclaveConfig['executiveTeam'],
  tools: ReadonlyMap<ToolName, Tool>,
  env: Readonly<NodeJS.ProcessEnv>,
  roster?: Roster,
): (action: PlannedAction) => Worker {
  const entries: Readonly<Partial<Record<ExecutiveRole, AgentConfig>>> = team;
  const members = new Map(
    Object.entries(entries).map(([role, config]): [string, Member] => [
      role,
      memberOf(role, config, tools, env, roster),
    ]),
  );
  return ({ owner }) => {
    const member = members.get(owner);
    if (member !== undefined) return member();
    return absentWorker({ adapter: 'rules', model: 'none' }, `${owner} is not configured; add it to executiveTeam`);
  };
}

function memberOf(
  role: string,
  config: AgentConfig,
  tools: ReadonlyMap<ToolName, Tool>,
  env: Readonly<NodeJS.ProcessEnv>,
  roster: Roster | undefined,
): Member {
  if (config.adapter === 'rules') return rulesWorker;
  const { adapter, model: name, maxOutputTokens } = config;
  const created = createChatModel(config, env, roster);
  if (isAbsent(created)) {
    return () => absentWorker({ adapter, model: name }, `${role} is absent: ${created.absent}`);
  }
  const prompt = config.prompt === undefined ? undefined : readPrompt(role, config.prompt);
  return () => agentWorker({ model: created, tools, prompt, maxOutputTokens });
}

function isAbsent(created: ChatModel | { readonly absent: string }): created is { readonly absent: string } {
  return 'absent' in created;
}

function readPrompt(role: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConclaveError(
      'CVE_CONFIG_UNREADABLE',
      `the prompt of ${role}, ${file}, cannot be read (${messageOf(error)}); correct executiveTeam.${role}.prompt`,
    );
  }
}
