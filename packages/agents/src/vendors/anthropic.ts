import Anthropic from '@anthropic-ai/sdk';
import { boundedFetch } from '../bounded.ts';
import type { ChatModel, ChatRequest } from '../chat-model.ts';
import { AnswerCutOff, failureOf, refused, retryAfterMsOf } from '../failures.ts';
import { vendorModel } from '../vendor-model.ts';
import { dayOf, type ListedModel, type ListOptions, listSpeaker, type Vendor } from '../vendor-parts.ts';
import { type SchemaMeans, systemFor, type VendorSettings } from '../vendor-settings.ts';

const CUT_OFF: ReadonlySet<string | null> = new Set(['max_tokens', 'model_context_window_exceeded']);

/**
 * Anthropic's Messages API. A schema is asked for by `output_config.format`; a server that does not know it is told so in words from then on.
 * The limit on output holds thinking too, which today's families do unasked and some cannot leave off.
 */
function open(settings: VendorSettings): ChatModel {
  const speaker = { adapter: 'anthropic', model: settings.model } as const;
  const room = settings.thinkingRoom;
  const client = new Anthropic({
    apiKey: settings.apiKey,
    authToken: null,
    maxRetries: 0,
    timeout: settings.timeoutMs,
    logLevel: 'off',
    fetch: boundedFetch,
    ...(settings.baseUrl === undefined ? {} : { baseURL: settings.baseUrl }),
  });
  let means: Exclude<SchemaMeans, 'json'> = 'schema';

  const create = async (request: ChatRequest): Promise<Anthropic.Message> => {
    const { schema, idempotencyKey } = request;
    const usesFormat = schema !== undefined && means === 'schema';
    try {
      return await client.messages.create(
        {
          model: settings.model,
          max_tokens: request.maxOutputTokens + room,
          system: systemFor(request, means),
          messages: request.messages.map(({ role, content }) => ({ role, content })),
          ...(usesFormat ? { output_config: { format: { type: 'json_schema', schema: { ...schema } } } } : {}),
        },
        {
          signal: request.signal,
          ...(idempotencyKey === undefined ? {} : { headers: { 'Idempotency-Key': idempotencyKey } }),
        },
      );
    } catch (cause) {
      if (!(cause instanceof Anthropic.APIError)) throw cause;
      if (cause.status === 400 && usesFormat && /output_config|output_format|json_schema|schema/i.test(cause.message)) {
        means = 'words';
        return await create(request);
      }
      const retryAfterMs = retryAfterMsOf(cause.headers?.get('retry-after'));
      throw failureOf({ speaker, status: cause.status, retryAfterMs, cause });
    }
  };

  return vendorModel(speaker, settings.timeoutMs, async (request) => {
    const message = await create(request);
    if (message.stop_reason === 'refusal') throw refused(speaker, 'stop reason refusal');
    const text = message.content.map((block) => (block.type === 'text' ? block.text : '')).join('');
    const { input_tokens: inputTokens, output_tokens: outputTokens } = message.usage;
    const answer = { text, usage: { inputTokens, outputTokens } };
    if (CUT_OFF.has(message.stop_reason)) {
      throw new AnswerCutOff(speaker, request, `stop reason ${message.stop_reason}`, answer);
    }
    return answer;
  });
}

async function* list({ apiKey, baseUrl, timeoutMs, signal }: ListOptions): AsyncGenerator<ListedModel> {
  const client = new Anthropic({
    ...{ apiKey, authToken: null, maxRetries: 0, timeout: timeoutMs, logLevel: 'off' },
    ...(baseUrl === undefined ? {} : { baseURL: baseUrl }),
  });
  try {
    for await (const model of client.models.list({ limit: 1000 }, { signal })) {
      yield { id: model.id, shutdownOn: dayOf(model.retires_at) };
    }
  } catch (cause) {
    if (!(cause instanceof Anthropic.APIError)) throw cause;
    const retryAfterMs = retryAfterMsOf(cause.headers?.get('retry-after'));
    throw failureOf({ speaker: listSpeaker('anthropic'), status: cause.status, retryAfterMs, cause });
  }
}

/** As of 2026-11-27. */
export const vendor: Vendor = {
  name: 'anthropic',
  key: {
    variable: 'ANTHROPIC_API_KEY',
    otherNames: ['CLAUDE_API_KEY'],
    page: 'console.anthropic.com/settings/keys',
  },
  isSpokenByOthers: false,
  tiers: {
    'claude-opus': ['claude-opus-5-5', 'claude-opus-5', 'claude-opus-4-8'],
    'claude-sonnet': ['claude-sonnet-5-5', 'claude-sonnet-5', 'claude-sonnet-4-6'],
  },
  shutdowns: {
    'claude-opus-4-20250514': '2026-06-15',
    'claude-sonnet-4-20250514': '2026-06-15',
    'claude-sonnet-4-5': '2026-11-30',
    'claude-sonnet-4-5-20250929': '2026-11-30',
    'claude-opus-4-5': '2027-01-22',
    'claude-opus-4-5-20251101': '2027-01-22',
  },
  families: [
    {
      ids: /^claude-(?:opus|sonnet|haiku|fable|mythos)-(?:[5-9]|\d\d)(?:-|$)/,
      thinks: true,
      limit: 'max_tokens',
    },
  ],
  open,
  list,
};
