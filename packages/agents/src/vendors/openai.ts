import OpenAI from 'openai';
import { boundedFetch } from '../bounded.ts';
import type { ChatModel, ChatRequest } from '../chat-model.ts';
import { AnswerCutOff, failureOf, refused, retryAfterMsOf } from '../failures.ts';
import { vendorModel } from '../vendor-model.ts';
import { dayOf, type ListedModel, type ListOptions, listSpeaker, type Vendor } from '../vendor-parts.ts';
import { type SchemaMeans, systemFor, type VendorSettings } from '../vendor-settings.ts';

type Completion = OpenAI.Chat.Completions.ChatCompletion;

/** What a server takes. It begins with what the family should take and learns from each refusal that names a parameter. */
interface Dialect {
  readonly limit: 'max_tokens' | 'max_completion_tokens';
  readonly hasSwappedLimit: boolean;
  readonly means: SchemaMeans;
}

const LESS: Readonly<Record<SchemaMeans, SchemaMeans | undefined>> = {
  schema: 'json',
  json: 'words',
  words: undefined,
};

/**
 * OpenAI's Chat Completions API, or by `baseUrl` any endpoint that speaks it (Ollama, vLLM, llama.cpp, gateways). A schema is asked for by
 * `json_schema`, strict; a server that refuses that is asked by JSON mode and in words from then on.
 */
function open(settings: VendorSettings): ChatModel {
  const speaker = { adapter: 'openai', model: settings.model } as const;
  const room = settings.thinkingRoom;
  const client = new OpenAI({
    apiKey: settings.apiKey,
    organization: null,
    project: null,
    maxRetries: 0,
    timeout: settings.timeoutMs,
    logLevel: 'off',
    fetch: boundedFetch,
    ...(settings.baseUrl === undefined ? {} : { baseURL: settings.baseUrl }),
  });
  let dialect: Dialect = {
    limit: settings.baseUrl === undefined ? 'max_completion_tokens' : settings.family.limit,
    hasSwappedLimit: false,
    means: 'schema',
  };

  const create = async (request: ChatRequest): Promise<Completion> => {
    const { schema, idempotencyKey, maxOutputTokens } = request;
    const { limit, means } = dialect;
    try {
      return await client.chat.completions.create(
        {
          model: settings.model,
          messages: [
            { role: 'system', content: systemFor(request, means) },
            ...request.messages.map(({ role, content }) => ({ role, content })),
          ],
          [limit]: maxOutputTokens + room,
          ...(schema === undefined ? {} : responseFormat(means, schema)),
        },
        {
          signal: request.signal,
          ...(idempotencyKey === undefined ? {} : { headers: { 'Idempotency-Key': idempotencyKey } }),
        },
      );
    } catch (cause) {
      if (!(cause instanceof OpenAI.APIError)) throw cause;
      const learnt = afterRefusal(dialect, cause, schema !== undefined);
      if (learnt !== undefined) {
        dialect = learnt;
        return await create(request);
      }
      const retryAfterMs = retryAfterMsOf(cause.headers?.get('retry-after'));
      throw failureOf({ speaker, status: cause.status, retryAfterMs, cause });
    }
  };

  return vendorModel(speaker, settings.timeoutMs, async (request) => {
    const completion = await create(request);
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

function responseFormat(means: SchemaMeans, schema: NonNullable<ChatRequest['schema']>) {
  if (means === 'words') return {};
  if (means === 'json') return { response_format: { type: 'json_object' as const } };
  const format = { name: 'answer', strict: true, schema: { ...schema } };
  return { response_format: { type: 'json_schema' as const, json_schema: format } };
}

/** The dialect to ask in again after a refusal that names one of its parameters; undefined when there is none. */
function afterRefusal(
  dialect: Dialect,
  cause: { status?: number | undefined; message: string },
  hasSchema: boolean,
): Dialect | undefined {
  if (cause.status !== 400 && cause.status !== 422) return undefined;
  // "max_tokens is too large" is about its value.
  const namesLimit =
    /max_(?:completion_)?tokens/.test(cause.message) &&
    !/too (?:large|high)|at most|exceed|greater than/i.test(cause.message);
  if (namesLimit && !dialect.hasSwappedLimit) {
    const limit = dialect.limit === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens';
    return { ...dialect, limit, hasSwappedLimit: true };
  }
  const means = LESS[dialect.means];
  const namesFormat = /response_format|json_schema|json_object|schema|grammar|guided|structured/i.test(cause.message);
  return hasSchema && namesFormat && means !== undefined ? { ...dialect, means } : undefined;
}

async function* list({ apiKey, baseUrl, timeoutMs, signal }: ListOptions): AsyncGenerator<ListedModel> {
  const client = new OpenAI({
    ...{ apiKey, organization: null, project: null, maxRetries: 0, timeout: timeoutMs, logLevel: 'off' },
    ...(baseUrl === undefined ? {} : { baseURL: baseUrl }),
  });
  try {
    for await (const model of client.models.list({ signal })) {
      yield { id: model.id, shutdownOn: dayOf(model.shutdown_date) };
    }
  } catch (cause) {
    if (!(cause instanceof OpenAI.APIError)) throw cause;
    const retryAfterMs = retryAfterMsOf(cause.headers?.get('retry-after'));
    throw failureOf({ speaker: listSpeaker('openai'), status: cause.status, retryAfterMs, cause });
  }
}

/** As of 2026-11-27. */
export const vendor: Vendor = {
  name: 'openai',
  key: { variable: 'OPENAI_API_KEY', otherNames: [], page: 'platform.openai.com/api-keys' },
  isSpokenByOthers: true,
  tiers: { gpt: ['gpt-6.1-sol', 'gpt-6-sol', 'gpt-5.6-sol'] },
  shutdowns: {
    'gpt-4-turbo': '2026-10-23',
    'gpt-5': '2026-12-11',
    o3: '2026-12-11',
    'gpt-4o': '2027-01-14',
    'gpt-4.1': '2027-01-14',
  },
  families: [
    { ids: /^(?:gpt-(?:[5-9]|\d\d)|o\d)/, thinks: true, limit: 'max_completion_tokens' },
    { ids: /^(?:gpt-4\.1|gpt-4o|chatgpt-)/, thinks: false, limit: 'max_completion_tokens' },
  ],
  open,
  list,
};
