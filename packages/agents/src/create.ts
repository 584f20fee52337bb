import type { AgentConfig } from '@conclave/contracts';
import type { ChatModel } from './chat-model.ts';
import { familyOf, thinkingRoom } from './families.ts';
import { keyOf } from './seats/endpoint.ts';
import { type Roster, rosterWithoutLists } from './seats/roster.ts';
import { seatedModel } from './seats/seated-model.ts';
import { vendorOf } from './vendor-book.ts';

/** Why an agent cannot speak. */
export interface Absent {
  readonly absent: string;
}

/**
 * The model of an agent, with its substitutes. Absent when none of them has a key (the reason names the variables, never a value) and for
 * `rules`, which is no model. What else keeps an agent from speaking may pass, and is an error of the call.
 * @param roster what the chairs of this process know of their vendors; without one no lists are asked for.
 */
export function createChatModel(
  config: AgentConfig,
  env: Readonly<NodeJS.ProcessEnv>,
  roster: Roster = rosterWithoutLists(env),
): ChatModel | Absent {
  if (config.adapter === 'rules') return { absent: 'rules is a deterministic adapter and no language model' };
  const { candidates, absent } = roster.plan(config);
  if (candidates.every(({ state }) => state === 'no_key')) return { absent: `CVE_CHAT_NOT_CONFIGURED: ${absent}` };
  const { thinkingTokens, timeoutSeconds } = config;
  const timeoutMs = timeoutSeconds * 1000;
  return seatedModel({
    plan: () => roster.plan(config),
    rests: roster.rests,
    open({ endpoint, model, sdk }) {
      const family = familyOf(endpoint.adapter, model);
      return vendorOf(endpoint.adapter).open({
        ...{ model, sdk, family, timeoutMs, baseUrl: endpoint.baseUrl },
        apiKey: keyOf(endpoint, env) ?? '',
        thinkingRoom: thinkingRoom(family, thinkingTokens),
      });
    },
  });
}
