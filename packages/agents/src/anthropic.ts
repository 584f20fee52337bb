import Anthropic from '@anthropic-ai/sdk';
import type { ChatModel } from './chat-model.ts';
import { AnswerCutOff, failureOf, refused, retryAfterMsOf } from './failures.ts';
import { guardedModel } from './guarded-model.ts';
import type { VendorSettings } from './vendor-settings.ts';

const ANSWER_TOOL = 'answer';
const CUT_OFF: ReadonlySet<string | null> = new Set(['max_tokens', 'model_context_window_exceeded']);

/** Anthropic's Messages API. A schema is asked for as the input of a tool that the model must call. */
export function anthropicModel(settings: VendorSettings): ChatModel {
  const speaker = { adapter: 'anthropic', model: settings.model } as const;
  const client = new Anthropic({
    apiKey: settings.apiKey,
    authToken: null,
    maxRetries: 0,
    timeout: settings.timeoutMs,
    logLevel: 'off',
    ...(settings.baseUrl === undefined ? {} : { baseURL: settings.baseUrl }),
  });
  return guardedModel(speaker, settings.timeoutMs, async (request) => {
    const { schema } = request;
    const message = await client.messages
      .create(
        {
          model: settings.model,
          max_tokens: request.maxOutputTokens,
          system: request.system,
          messages: request.messages.map(({ role, content }) => ({ role, content })),
          ...(schema === undefined
            ? {}
            : {
                tools: [
                  {
                    name: ANSWER_TOOL,
                    description: 'Gives the answer in the form asked for.',
                    input_schema: { ...schema, type: 'object' },
                  },
                ],
                tool_choice: { type: 'tool', name: ANSWER_TOOL },
              }),
        },
        {
          signal: request.signal,
          ...(request.idempotencyKey === undefined ? {} : { headers: { 'Idempotency-Key': request.idempotencyKey } }),
        },
      )
      .catch((cause: unknown) => {
        if (!(cause instanceof Anthropic.APIError)) throw cause;
        const retryAfterMs = retryAfterMsOf(cause.headers?.get('retry-after'));
        throw failureOf({ speaker, status: cause.status, retryAfterMs, cause });
      });
    if (message.stop_reason === 'refusal') throw refused(speaker, 'stop reason refusal');
    const text = message.content
      .map((block) => {
        if (block.type === 'text') return schema === undefined ? block.text : '';
        return block.type === 'tool_use' ? JSON.stringify(block.input) : '';
      })
      .join('');
    const { input_tokens: inputTokens, output_tokens: outputTokens } = message.usage;
    const answer = { text, usage: { inputTokens, outputTokens } };
    if (CUT_OFF.has(message.stop_reason)) {
      throw new AnswerCutOff(speaker, request, `stop reason ${message.stop_reason}`, answer);
    }
    return answer;
  });
}
