import Anthropic from '@anthropic-ai/sdk';
import type { VendorName } from '@conclave/contracts';
import { ApiError, GoogleGenAI } from '@google/genai';
import OpenAI from 'openai';
import { failureOf, retryAfterMsOf } from '../failures.ts';
import { guarded } from '../guarded.ts';

export interface ListedModel {
  readonly id: string;
  /** ISO 8601 date from which the vendor no longer serves it; undefined while it has announced none. */
  readonly shutdownOn: string | undefined;
}

export interface ListOptions {
  readonly apiKey: string;
  readonly baseUrl: string | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** No vendor has more; a server that names models without end is cut off here. */
const MOST_MODELS = 2000;

/**
 * What a vendor offers to this key, by its own list.
 * @throws CVE_CHAT_NOT_CONFIGURED (the key is refused), CVE_CHAT_UNAVAILABLE, CVE_CHAT_TIMEOUT, CVE_CHAT_RATE_LIMITED, CVE_CANCELLED.
 */
export async function listModels(adapter: VendorName, options: ListOptions): Promise<readonly ListedModel[]> {
  const speaker = { adapter, model: 'model list' } as const;
  return await guarded(speaker, options.timeoutMs, options.signal, async (signal) => {
    const models: ListedModel[] = [];
    for await (const model of LISTS[adapter]({ ...options, signal })) {
      if (models.push(model) === MOST_MODELS) break;
    }
    return models;
  });
}

const LISTS: Readonly<Record<VendorName, (options: ListOptions) => AsyncGenerator<ListedModel>>> = {
  async *anthropic({ apiKey, baseUrl, timeoutMs, signal }) {
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
      throw failureOf({ speaker: speakerOf('anthropic'), status: cause.status, retryAfterMs, cause });
    }
  },
  async *openai({ apiKey, baseUrl, timeoutMs, signal }) {
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
      throw failureOf({ speaker: speakerOf('openai'), status: cause.status, retryAfterMs, cause });
    }
  },
  async *google({ apiKey, baseUrl, timeoutMs, signal }) {
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
      throw failureOf({ speaker: speakerOf('google'), status, retryAfterMs: undefined, cause });
    }
  },
};

function speakerOf(adapter: VendorName) {
  return { adapter, model: 'model list' } as const;
}

/** The ISO day of a vendor's date, however it is written. */
function dayOf(date: string | null | undefined): string | undefined {
  if (date === null || date === undefined) return undefined;
  const iso = /^\d{4}-\d{2}-\d{2}/.exec(date)?.[0];
  if (iso !== undefined) return iso;
  const parsed = Date.parse(date.replace(/(\d)(?:st|nd|rd|th)\b/, '$1'));
  return Number.isNaN(parsed) ? undefined : new Date(parsed).toISOString().slice(0, 10);
}
