import type { Speaker } from '@conclave/contracts';
import {
  type EnhancedGenerateContentResponse,
  FinishReason,
  GoogleGenerativeAI,
  GoogleGenerativeAIError,
  GoogleGenerativeAIFetchError,
} from '@google/generative-ai';
import type { ChatModel } from '../chat-model.ts';
import { AnswerCutOff, failureOf, refused } from '../failures.ts';
import { vendorModel } from '../vendor-model.ts';
import { systemFor, type VendorSettings } from '../vendor-settings.ts';

const REFUSALS: ReadonlySet<string> = new Set([
  FinishReason.SAFETY,
  FinishReason.RECITATION,
  FinishReason.BLOCKLIST,
  FinishReason.PROHIBITED_CONTENT,
  FinishReason.SPII,
]);

/**
 * Google's Gemini API by `@google/generative-ai`, which is archived and stays for those who name it (`sdk: generative-ai`). A schema is asked
 * for by JSON mode and in words: its types know no JSON Schema. It takes no idempotency key, and its SDK never retries.
 */
export function googleLegacyModel(settings: VendorSettings): ChatModel {
  const speaker = { adapter: 'google', model: settings.model } as const;
  const client = new GoogleGenerativeAI(settings.apiKey);
  const room = settings.thinkingRoom;
  return vendorModel(speaker, settings.timeoutMs, async (request) => {
    const { schema, maxOutputTokens } = request;
    const model = client.getGenerativeModel(
      {
        model: settings.model,
        systemInstruction: systemFor(request, 'json'),
        generationConfig: {
          maxOutputTokens: maxOutputTokens + room,
          ...(schema === undefined ? {} : { responseMimeType: 'application/json' }),
        },
      },
      settings.baseUrl === undefined ? {} : { baseUrl: settings.baseUrl },
    );
    const contents = request.messages.map(({ role, content }) => ({
      role: role === 'assistant' ? 'model' : 'user',
      parts: [{ text: content }],
    }));
    const { response } = await model
      .generateContent({ contents }, { signal: request.signal })
      .catch((cause: unknown) => {
        if (cause instanceof GoogleGenerativeAIFetchError) {
          throw failureOf({ speaker, status: cause.status, retryAfterMs: retryDelayOf(cause), cause });
        }
        // The SDK wraps what fetch throws: no answer came, unless an answer could not be read.
        if (cause instanceof GoogleGenerativeAIError) {
          throw failureOf({ speaker, status: undefined, retryAfterMs: undefined, cause });
        }
        throw cause;
      });
    const { promptTokenCount = 0, candidatesTokenCount = 0 } = response.usageMetadata ?? {};
    const answer = {
      text: textOf(speaker, response),
      usage: { inputTokens: promptTokenCount, outputTokens: candidatesTokenCount },
    };
    const reason = response.candidates?.[0]?.finishReason;
    if (reason === FinishReason.MAX_TOKENS) throw new AnswerCutOff(speaker, request, `finish reason ${reason}`, answer);
    return answer;
  });
}

/** Seconds of google.rpc.RetryInfo, in milliseconds: the SDK does not show the retry-after header. */
function retryDelayOf({ errorDetails }: GoogleGenerativeAIFetchError): number | undefined {
  for (const detail of errorDetails ?? []) {
    const delay: unknown = Reflect.get(detail, 'retryDelay');
    const seconds = typeof delay === 'string' ? /^(\d+(?:\.\d+)?)s$/.exec(delay)?.[1] : undefined;
    if (seconds !== undefined) return Number(seconds) * 1000;
  }
  return undefined;
}

function textOf(speaker: Speaker, response: EnhancedGenerateContentResponse): string {
  const block = response.promptFeedback?.blockReason;
  if (block !== undefined) throw refused(speaker, `prompt blocked: ${block}`);
  const candidate = response.candidates?.[0];
  if (candidate?.finishReason !== undefined && REFUSALS.has(candidate.finishReason)) {
    throw refused(speaker, `finish reason ${candidate.finishReason}`);
  }
  return (candidate?.content?.parts ?? []).map((part) => part.text ?? '').join('');
}
