import type { SubstituteConfig, VendorName } from '@conclave/contracts';
import type { Received, Reply } from './vendor-server.ts';

/** How one vendor puts things on the wire. */
export interface Vendor {
  readonly adapter: VendorName;
  /** Which of Google's two packages speaks. */
  readonly sdk?: SubstituteConfig['sdk'];
  /** What its SDK expects as base URL. */
  baseUrl(url: string): string;
  /** A successful answer with this text, 12 tokens in and 5 out. */
  says(text: string): Reply;
  /** The same, ended by the limit on output tokens. */
  cutsOff(text: string): Reply;
  /** HTTP 429 that asks to wait so many seconds. */
  limits(seconds: number): Reply;
  fails(status: number): Reply;
  refuses(): Reply;
  /** The key as it was sent. */
  keyOf(received: Received): unknown;
  sentIdempotencyKey: boolean;
}

const anthropic: Vendor = {
  adapter: 'anthropic',
  baseUrl: (url) => url,
  says: (text) => ({
    status: 200,
    body: anthropicMessage(anthropicContent(text), 'end_turn'),
  }),
  cutsOff: (text) => ({
    status: 200,
    body: anthropicMessage(anthropicContent(text), 'max_tokens'),
  }),
  limits: (seconds) => ({
    status: 429,
    headers: { 'retry-after': String(seconds) },
    body: { type: 'error', error: { type: 'rate_limit_error', message: 'slow down' } },
  }),
  fails: (status) => ({ status, body: { type: 'error', error: { type: 'api_error', message: 'broken sk-secret' } } }),
  refuses: () => ({ status: 200, body: anthropicMessage([], 'refusal') }),
  keyOf: ({ headers }) => headers['x-api-key'] ?? headers.authorization?.replace('Bearer ', ''),
  sentIdempotencyKey: true,
};

/** Thinking comes first, with its text left out, as today's families send it. */
function anthropicContent(text: string): unknown[] {
  return [
    { type: 'thinking', thinking: '', signature: 'c2ln' },
    { type: 'text', text, citations: null },
  ];
}

function anthropicMessage(content: unknown[], stopReason: string): unknown {
  return {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'test-model',
    content,
    stop_reason: stopReason,
    stop_sequence: null,
    usage: { input_tokens: 12, output_tokens: 5 },
  };
}

const openai: Vendor = {
  adapter: 'openai',
  baseUrl: (url) => `${url}/v1`,
  says: (text) => ({ status: 200, body: openaiCompletion({ role: 'assistant', content: text, refusal: null }) }),
  cutsOff: (text) => ({
    status: 200,
    body: openaiCompletion({ role: 'assistant', content: text, refusal: null }, 'length'),
  }),
  limits: (seconds) => ({
    status: 429,
    headers: { 'retry-after': String(seconds) },
    body: { error: { message: 'slow down', type: 'requests', code: 'rate_limit_exceeded' } },
  }),
  fails: (status) => ({ status, body: { error: { message: 'broken sk-secret', type: 'server_error' } } }),
  refuses: () => ({
    status: 200,
    body: openaiCompletion({ role: 'assistant', content: null, refusal: 'I cannot help with that.' }),
  }),
  keyOf: ({ headers }) => headers.authorization?.replace('Bearer ', ''),
  sentIdempotencyKey: true,
};

function openaiCompletion(message: unknown, finishReason = 'stop'): unknown {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'test-model',
    choices: [{ index: 0, message, finish_reason: finishReason, logprobs: null }],
    usage: { prompt_tokens: 12, completion_tokens: 5, total_tokens: 17 },
  };
}

const google: Vendor = {
  adapter: 'google',
  baseUrl: (url) => url,
  says: (text) => ({ status: 200, body: googleResponse(text, 'STOP') }),
  cutsOff: (text) => ({ status: 200, body: googleResponse(text, 'MAX_TOKENS') }),
  limits: (seconds) => ({
    status: 429,
    body: {
      error: {
        code: 429,
        message: 'slow down',
        status: 'RESOURCE_EXHAUSTED',
        details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${seconds}s` }],
      },
    },
  }),
  fails: (status) => ({ status, body: { error: { code: status, message: 'broken sk-secret', status: 'INTERNAL' } } }),
  refuses: () => ({ status: 200, body: { promptFeedback: { blockReason: 'SAFETY' }, candidates: [] } }),
  keyOf: ({ headers }) => headers['x-goog-api-key'],
  sentIdempotencyKey: false,
};

function googleResponse(text: string, finishReason: string): unknown {
  return {
    candidates: [{ index: 0, content: { role: 'model', parts: [{ text }] }, finishReason }],
    usageMetadata: { promptTokenCount: 12, candidatesTokenCount: 5, totalTokenCount: 17 },
  };
}

const googleLegacy: Vendor = { ...google, sdk: 'generative-ai' };

export const VENDORS: readonly Vendor[] = [anthropic, openai, google, googleLegacy];
