import type { Speaker } from '@conclave/contracts';
import { ApiError, FinishReason, type GenerateContentResponse, GoogleGenAI } from '@google/genai';
import { boundedFetch } from '../bounded.ts';
import type { ChatModel, ChatRequest } from '../chat-model.ts';
import { AnswerCutOff, failureOf, refused } from '../failures.ts';
import { vendorModel } from '../vendor-model.ts';
import { type ListedModel, type ListOptions, listSpeaker, type Vendor } from '../vendor-parts.ts';
import { type SchemaMeans, systemFor, type VendorSettings } from '../vendor-settings.ts';
import { googleLegacyModel } from './google-legacy.ts';

const REFUSALS: ReadonlySet<string> = new Set([
  FinishReason.SAFETY,
  FinishReason.RECITATION,
  FinishReason.BLOCKLIST,
  FinishReason.PROHIBITED_CONTENT,
  FinishReason.SPII,
]);

/** Google's Gemini API by `@google/genai`. A schema is asked for by `responseJsonSchema`; it takes no idempotency key. */
function googleModel(settings: VendorSettings): ChatModel {
  const speaker = { adapter: 'google', model: settings.model } as const;
  const room = settings.thinkingRoom;
  const client = new GoogleGenAI({
    apiKey: settings.apiKey,
    vertexai: false,
    httpOptions: {
      timeout: settings.timeoutMs,
      retryOptions: { attempts: 1 },
      fetch: boundedFetch,
      ...(settings.baseUrl === undefined ? {} : { baseUrl: settings.baseUrl }),
    },
  });
  let means: Exclude<SchemaMeans, 'words'> = 'schema';

  const generate = async (request: ChatRequest): Promise<GenerateContentResponse> => {
    const { schema, maxOutputTokens, signal } = request;
    const usesSchema = schema !== undefined && means === 'schema';
    try {
      return await client.models.generateContent({
        model: settings.model,
        contents: request.messages.map(({ role, content }) => ({
          role: role === 'assistant' ? 'model' : 'user',
          parts: [{ text: content }],
        })),
        config: {
          systemInstruction: systemFor(request, means),
          maxOutputTokens: maxOutputTokens + room,
          abortSignal: signal,
          ...(schema === undefined ? {} : { responseMimeType: 'application/json' }),
          ...(usesSchema ? { responseJsonSchema: schema } : {}),
        },
      });
    } catch (cause) {
      if (cause instanceof SyntaxError || signal.aborted) throw cause;
      const status = cause instanceof ApiError ? cause.status : undefined;
      const said = cause instanceof Error ? cause.message : '';
      if (status === 400 && usesSchema && /schema/i.test(said)) {
        means = 'json';
        return await generate(request);
      }
      // Google says 400 where others say 401.
      const isKey = status === 400 && /API_KEY_INVALID|API key not valid/i.test(said);
      throw failureOf({ speaker, status: isKey ? 401 : status, retryAfterMs: retryDelayOf(said), cause });
    }
  };

  return vendorModel(speaker, settings.timeoutMs, async (request) => {
    const response = await generate(request);
    const { promptTokenCount = 0, candidatesTokenCount = 0, thoughtsTokenCount = 0 } = response.usageMetadata ?? {};
    const answer = {
      text: textOf(speaker, response),
      usage: { inputTokens: promptTokenCount, outputTokens: candidatesTokenCount + thoughtsTokenCount },
    };
    const reason = response.candidates?.[0]?.finishReason;
    if (reason === FinishReason.MAX_TOKENS) throw new AnswerCutOff(speaker, request, `finish reason ${reason}`, answer);
    return answer;
  });
}

/** Seconds of google.rpc.RetryInfo, in milliseconds, as they stand in the text of the SDK's error: it shows no header. */
function retryDelayOf(said: string): number | undefined {
  const seconds = /"retryDelay"\s*:\s*"(\d+(?:\.\d+)?)s"/.exec(said)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}

function textOf(speaker: Speaker, response: GenerateContentResponse): string {
  const block = response.promptFeedback?.blockReason;
  if (block !== undefined) throw refused(speaker, `prompt blocked: ${block}`);
  const candidate = response.candidates?.[0];
  if (candidate?.finishReason !== undefined && REFUSALS.has(candidate.finishReason)) {
    throw refused(speaker, `finish reason ${candidate.finishReason}`);
  }
  return (candidate?.content?.parts ?? []).map((part) => (part.thought === true ? '' : (part.text ?? ''))).join('');
}

async function* list({ apiKey, baseUrl, timeoutMs, signal }: ListOptions): AsyncGenerator<ListedModel> {
  const httpOptions = {
    timeout: timeoutMs,
    retryOptions: { attempts: 1 },
    ...(baseUrl === undefined ? {} : { baseUrl }),
  };
  const client = new GoogleGenAI({ apiKey, vertexai: false, httpOptions });
  try {
    for await (const { name } of await client.models.list({ config: { pageSize: 1000, abortSignal: signal } })) {
      if (name !== undefined) yield { id: name.replace(/^models\//, ''), shutdownOn: undefined };
    }
  } catch (cause) {
    if (!(cause instanceof ApiError)) throw cause;
    // Google says 400 where others say 401.
    const status = /API_KEY_INVALID|API key not valid/i.test(cause.message) ? 401 : cause.status;
    throw failureOf({ speaker: listSpeaker('google'), status, retryAfterMs: undefined, cause });
  }
}

/** As of 2026-11-27. */
export const vendor: Vendor = {
  name: 'google',
  key: { variable: 'GOOGLE_API_KEY', otherNames: ['GEMINI_API_KEY'], page: 'aistudio.google.com/apikey' },
  isSpokenByOthers: false,
  tiers: { 'gemini-flash': ['gemini-3.8-flash', 'gemini-3.7-flash', 'gemini-3.6-flash', 'gemini-3.5-flash'] },
  shutdowns: { 'gemini-2.0-flash': '2026-06-01' },
  families: [{ ids: /^gemini-(?:2\.5|[3-9]|\d\d)/, thinks: true, limit: 'max_tokens' }],
  open: (settings) => (settings.sdk === 'generative-ai' ? googleLegacyModel : googleModel)(settings),
  list,
};
