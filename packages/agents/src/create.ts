import type { AgentConfig } from '@conclave/contracts';
import { anthropicModel } from './anthropic.ts';
import type { ChatModel } from './chat-model.ts';
import { googleModel } from './google.ts';
import { openaiModel } from './openai.ts';

/** Why an agent cannot speak. */
export interface Absent {
  readonly absent: string;
}

const DEFAULT_KEY = { anthropic: 'ANTHROPIC_API_KEY', openai: 'OPENAI_API_KEY', google: 'GOOGLE_API_KEY' } as const;
const ADAPTERS = { anthropic: anthropicModel, openai: openaiModel, google: googleModel } as const;

/**
 * The model of an agent. Absent when its key is missing (the reason names the variable, never a value) and for `rules`,
 * which is no model. An `openai` endpoint of one's own needs a key only where `apiKeyEnv` names one.
 */
export function createChatModel(config: AgentConfig, env: Readonly<NodeJS.ProcessEnv>): ChatModel | Absent {
  if (config.adapter === 'rules') return { absent: 'rules is a deterministic adapter and no language model' };
  const { adapter, model, baseUrl, timeoutSeconds } = config;
  const ownEndpoint = adapter === 'openai' && baseUrl !== undefined && config.apiKeyEnv === undefined;
  const variable = config.apiKeyEnv ?? DEFAULT_KEY[adapter];
  const apiKey = ownEndpoint ? 'none' : env[variable]?.trim();
  if (apiKey === undefined || apiKey === '') {
    return { absent: `CVE_CHAT_NOT_CONFIGURED: ${variable} is not set; set it to the key for ${adapter} ${model}` };
  }
  return ADAPTERS[adapter]({ model, apiKey, baseUrl, timeoutMs: timeoutSeconds * 1000 });
}
