import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { VendorName } from '@conclave/contracts';
import { z } from 'zod';
import { anthropicRefusal, googleRefusal, openaiRefusal, type Refusal } from './vendor-rules.ts';
import { bodyOf, type Received } from './vendor-server.ts';

/** What was asked, in no vendor's terms. */
export interface Asked {
  readonly model: string;
  readonly system: string;
  /** The last message. */
  readonly text: string;
}

export interface StandInOptions {
  /** What it lists, with the day of shutdown where one is announced; other ids are unknown to it. */
  readonly models: Readonly<Record<string, string | null>>;
  answer(asked: Asked): string;
}

/** How a vendor fails as a whole. */
export type Outage = 'refuses_connections' | 'fails' | 'overloaded' | 'hangs' | 'refuses_keys';

/** A vendor with its list and its chat API, as strict with requests to today's families as the real one is. */
export interface StandIn extends AsyncDisposable {
  /** What its SDK takes as base URL. */
  readonly baseUrl: string;
  /** Chat requests, also those that were refused. */
  readonly received: readonly Received[];
  /** Refusals of requests by rule: a sound adapter causes none. */
  readonly refusals: readonly Refusal[];
  outage: Outage | undefined;
}

/** Tokens that its models think before each answer; today's families count them into the limit on output. */
const THINKING = 6000;

export async function startStandIn(vendor: VendorName, { models, answer }: StandInOptions): Promise<StandIn> {
  const speech = SPEECH[vendor];
  const received: Received[] = [];
  const refusals: Refusal[] = [];
  const state: { outage: Outage | undefined } = { outage: undefined };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const text = await bodyOf(request);
    const reply = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    const refuse = (refusal: Refusal): void => reply(refusal.status, speech.error(refusal));
    switch (state.outage) {
      case 'refuses_connections':
        return void request.socket.destroy();
      case 'fails':
        return refuse({ status: 500, message: 'internal error' });
      case 'overloaded':
        return refuse({ status: 529, message: 'overloaded' });
      case 'refuses_keys':
        return refuse({ status: 401, message: 'invalid key' });
      case 'hangs':
        return;
    }
    const path = request.url ?? '';
    if (request.method === 'GET') return reply(200, speech.list(models));
    const call: Received = { path, headers: request.headers, body: JSON.parse(text) };
    received.push(call);
    const { model, limit, ...asked } = speech.read(call);
    if (!Object.hasOwn(models, model)) return refuse({ status: 404, message: `model: ${model}` });
    const refusal = speech.refusal(call);
    if (refusal !== undefined) {
      refusals.push(refusal);
      return refuse(refusal);
    }
    const said = answer({ model, ...asked });
    const isCutOff = limit < THINKING + said.length / 4;
    reply(200, speech.says(isCutOff ? '' : said, isCutOff));
  };

  const server = createServer((request, response) => void handle(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    baseUrl: `http://127.0.0.1:${address.port}${vendor === 'openai' ? '/v1' : ''}`,
    received,
    refusals,
    get outage() {
      return state.outage;
    },
    set outage(outage) {
      state.outage = outage;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

interface Speech {
  list(models: StandInOptions['models']): unknown;
  /** `limit` is on output tokens, thinking included. */
  read(call: Received): Asked & { readonly limit: number };
  refusal(call: Received): Refusal | undefined;
  error(refusal: Refusal): unknown;
  says(text: string, isCutOff: boolean): unknown;
}

const text = z.object({ text: z.string() });
const anthropicCall = z.looseObject({
  model: z.string(),
  max_tokens: z.number().default(0),
  system: z.string().default(''),
  messages: z.array(z.object({ content: z.string() })),
});
const openaiCall = z.looseObject({
  model: z.string(),
  messages: z.array(z.object({ content: z.string() })),
  max_completion_tokens: z.number().default(0),
});
const googleCall = z.looseObject({
  contents: z.array(z.object({ parts: z.array(text) })),
  systemInstruction: z.object({ parts: z.array(text) }).optional(),
  generationConfig: z.looseObject({ maxOutputTokens: z.number().default(0) }).default({ maxOutputTokens: 0 }),
});

const SPEECH: Readonly<Record<VendorName, Speech>> = {
  anthropic: {
    list: (models) => ({
      data: Object.entries(models).map(([id, retires]) => ({
        ...{ type: 'model', id, display_name: id, created_at: '2026-01-01T00:00:00Z', deprecated_at: null },
        ...{
          lifecycle: retires === null ? 'active' : 'deprecated',
          retires_at: retires === null ? null : `${retires}T00:00:00Z`,
        },
      })),
      has_more: false,
      first_id: null,
      last_id: null,
    }),
    read({ body }) {
      const { model, max_tokens: limit, system, messages } = anthropicCall.parse(body);
      return { model, limit, system, text: messages.at(-1)?.content ?? '' };
    },
    refusal: anthropicRefusal,
    error: ({ status, message }) => ({
      type: 'error',
      error: { type: status === 404 ? 'not_found_error' : 'invalid_request_error', message },
    }),
    says: (said, isCutOff) => ({
      ...{ id: 'msg_1', type: 'message', role: 'assistant', model: 'claude', stop_sequence: null },
      content: [
        { type: 'thinking', thinking: '', signature: 'c2ln' },
        { type: 'text', text: said, citations: null },
      ],
      stop_reason: isCutOff ? 'max_tokens' : 'end_turn',
      usage: { input_tokens: 10, output_tokens: THINKING },
    }),
  },
  openai: {
    list: (models) => ({
      object: 'list',
      data: Object.entries(models).map(([id, shutdown]) => ({
        ...{ id, object: 'model', created: 1, owned_by: 'openai', shutdown_date: shutdown },
      })),
    }),
    read({ body }) {
      const { model, messages, max_completion_tokens: limit } = openaiCall.parse(body);
      return { model, limit, system: messages[0]?.content ?? '', text: messages.at(-1)?.content ?? '' };
    },
    refusal: openaiRefusal,
    error: ({ message, param }) => ({
      error: { message, type: 'invalid_request_error', param: param ?? null, code: null },
    }),
    says: (said, isCutOff) => ({
      ...{ id: 'chatcmpl-1', object: 'chat.completion', created: 1, model: 'gpt' },
      choices: [
        {
          ...{ index: 0, logprobs: null, finish_reason: isCutOff ? 'length' : 'stop' },
          message: { role: 'assistant', content: said, refusal: null },
        },
      ],
      usage: { prompt_tokens: 10, completion_tokens: THINKING, total_tokens: 10 + THINKING },
    }),
  },
  google: {
    list: (models) => ({
      models: Object.keys(models).map((id) => ({
        name: `models/${id}`,
        supportedGenerationMethods: ['generateContent'],
      })),
    }),
    read({ path, body }) {
      const { contents, systemInstruction, generationConfig } = googleCall.parse(body);
      return {
        model: /models\/([^:]+):/.exec(path)?.[1] ?? '',
        limit: generationConfig.maxOutputTokens,
        system: systemInstruction?.parts[0]?.text ?? '',
        text: contents.at(-1)?.parts[0]?.text ?? '',
      };
    },
    refusal: googleRefusal,
    error: ({ status, message }) => ({ error: { code: status, message, status: 'INVALID_ARGUMENT' } }),
    says: (said, isCutOff) => ({
      candidates: [
        {
          index: 0,
          content: { role: 'model', parts: [{ text: 'Thinking.', thought: true }, { text: said }] },
          finishReason: isCutOff ? 'MAX_TOKENS' : 'STOP',
        },
      ],
      usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 5, thoughtsTokenCount: THINKING },
    }),
  },
};

/** What the vendors list on 2026-11-27, so far as the table of tiers and its neighbours go. */
export const TODAYS_MODELS: Readonly<Record<VendorName, StandInOptions['models']>> = {
  anthropic: {
    'claude-opus-5-5': null,
    'claude-sonnet-5-5': null,
    'claude-opus-5': null,
    'claude-sonnet-5': null,
    'claude-sonnet-4-5': '2026-11-30',
  },
  openai: {
    'gpt-6.1-sol': null,
    'gpt-6-astra': null,
    'gpt-6.1-terra': null,
    'gpt-6-luna': null,
    'gpt-5': '2026-12-11',
  },
  google: { 'gemini-3.8-flash': null, 'gemini-3.7-flash': null, 'gemini-3.6-flash': null, 'gemini-3.5-flash': null },
};
