import { type ChatModel, FENCE_RULE, fenced, structured } from '@conclave/agents';
import { EXECUTIVE_ROLES, type PlanningRole, ROLE_TOOLS } from '@conclave/contracts';
import type { Turn } from '@conclave/core';
import { type Advisor, type Ask, contribution } from '../advisor.ts';
import { PHASE_ASKS } from './asks.ts';

const OWNERS = EXECUTIVE_ROLES.map((role) => `${role}: ${ROLE_TOOLS[role].join(', ')}`).join('\n');

/** An advisor that a language model speaks for. The brief and what others said reach it as fenced data only. */
export function chatAdvisor(
  role: PlanningRole,
  model: ChatModel,
  options: { prompt: string; maxOutputTokens: number },
): Advisor {
  return {
    role,
    get speaker() {
      return model.speaker;
    },
    async speak(ask) {
      const { schema } = PHASE_ASKS[ask.phase];
      const request = {
        system: systemText(options.prompt),
        messages: [{ role: 'user' as const, content: userText(ask) }],
        maxOutputTokens: options.maxOutputTokens,
        signal: ask.signal,
        endsAt: ask.endsAt,
        idempotencyKey: ask.idempotencyKey,
      };
      const { value, speaker } = await structured(model, request, schema);
      return { ...contribution.parse(value), speaker };
    },
  };
}

function systemText(prompt: string): string {
  return [
    prompt.trim(),
    FENCE_RULE,
    `Executive agents and the tools each may use:\n${OWNERS}`,
    'Judge only what the brief holds. Where it holds no number, say so; invent none. Put what you say into "text".',
  ].join('\n\n');
}

function userText({ phase, brief, heard }: Ask): string {
  return [
    fenced('brief', JSON.stringify(brief, null, 1)),
    ...heard.map((turn) => fenced(`${turn.phase} of ${turn.role}`, turnText(turn))),
    `Phase: ${phase}. ${PHASE_ASKS[phase].task}`,
  ].join('\n\n');
}

function turnText({ text, ballots, content }: Turn): string {
  const more = { ...(ballots.length === 0 ? {} : { ballots }), ...(content === undefined ? {} : { content }) };
  return Object.keys(more).length === 0 ? text : `${text}\n${JSON.stringify(more)}`;
}
