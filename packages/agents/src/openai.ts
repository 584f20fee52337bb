import OpenAI from 'openai';
import type { ChatModel } from './chat-model.ts';
import { AnswerCutOff, failureOf, refused, retryAfterMsOf } from './failures.ts';
import { guardedModel } from './guarded-model.ts';
import { schemaInstruction, type VendorSettings } from './vendor-settings.ts';

/**
 * OpenAI's Chat Completions API, or by `baseUrl` any endpoint that speaks it (Ollama, vLLM, llama.cpp). A schema is asked
 * for by JSON mode and instruction, which all of them know; json_schema is unknown to gpt-4-turbo and many servers.
 */
export function openaiModel(settings: VendorSettings): ChatModel {
  const speaker = { adapter: 'openai', model: settings.model } as const;
  const client = new OpenAI({
    apiKey: settings.apiKey,
    organization: null,
    project: null,
    maxRetries: 0,
    timeout: settings.timeoutMs,
    logLevel: 'off',
    ...(settings.baseUrl === undefined ? {} : { baseURL: settings.baseUrl }),
  });
  return guardedModel(speaker, settings.timeoutMs, async (request) => {
    const { schema, maxOutputTokens } = request;
    const system = schema === undefined ? request.system : `${request.system}\n\n${schemaInstruction(schema)}`;
    const completion = await client.chat.completions
      .create(
        {
          model: settings.model,
          messages: [
            { role: 'system', content: system },
            ...request.messages.map(({ role, content }) => ({ role, content })),
          ],
          ...(settings.baseUrl === undefined
            ? { max_completion_tokens: maxOutputTokens }
            : { max_tokens: maxOutputTokens }),
          ...(schema === undefined ? {} : { response_format: { type: 'json_object' } }),
        },
        {
          signal: request.signal,
          ...(request.idempotencyKey === undefined ? {} : { headers: { 'Idempotency-Key': request.idempotencyKey } }),
        },
      )
      .catch((cause: unknown) => {
        if (!(cause instanceof OpenAI.APIError)) throw cause;
        const retryAfterMs = retryAfterMsOf(cause.headers?.get('retry-after'));
        throw failureOf({ speaker, status: cause.status, retryAfterMs, cause });
      });
    const choice = completion.choices[0];
    const refusal = choice?.message.refusal;
    if (refusal !== undefined && refusal !== null && refusal !== '') throw refused(speaker, refusal);
    if (choice?.finish_reason === 'content_filter') throw refused(speaker, 'content filter');
    const answer = {
      text: choice?.message.content ?? '',
      usage: {
        inputTokens: completion.usage?.prompt_tokens ?? 0,
        outputTokens: completion.usage?.completion_tokens ?? 0,
      },
    };
    if (choice?.finish_reason === 'length') throw new AnswerCutOff(speaker, request, 'finish reason length', answer);
    return answer;
  });
}
