import { ConclaveError, type Speaker, zodMessage } from '@conclave/contracts';
import type { z } from 'zod';
import type { ChatAnswer, ChatMessage, ChatModel, ChatRequest, JsonSchema, Usage } from './chat-model.ts';
import { AnswerCutOff } from './failures.ts';
import { fromWire, jsonSchemaOf } from './wire-schema.ts';

export interface Structured<T> {
  readonly value: T;
  readonly usage: Usage;
  /** Who gave the answer that counts. */
  readonly speaker: Speaker;
  /** True when the first answer was invalid and the second was not. */
  readonly repaired: boolean;
}

/** Characters of an invalid answer that the model is shown again. */
const SHOWN_BACK = 20_000;

/**
 * Asks for a value of `schema`. An answer that does not fit is sent back once with what is wrong about it; instead of one
 * that was cut off a shorter one is asked for, since the limit stays the same.
 * @throws CVE_CHAT_OUTPUT_INVALID when the repaired answer does not fit either; whatever `complete` throws.
 */
export async function structured<T>(
  model: ChatModel,
  request: Omit<ChatRequest, 'schema'>,
  schema: z.ZodType<T>,
): Promise<Structured<T>> {
  const shape = jsonSchemaOf(schema);
  const read = (text: string): Read<T> => parse(text, schema, shape);
  const { answer: first, read: once } = await firstAnswer(model, { ...request, schema: shape }, read);
  if ('value' in once)
    return { value: once.value, usage: first.usage, speaker: first.speaker ?? model.speaker, repaired: false };

  const messages: ChatMessage[] = [
    ...request.messages,
    { role: 'assistant', content: first.text === '' ? '(nothing)' : first.text.slice(0, SHOWN_BACK) },
    {
      role: 'user',
      content: `That answer is not valid: ${once.problem}. Answer again with the whole JSON object only.`,
    },
  ];
  const key = request.idempotencyKey;
  const second = await model.complete({
    ...request,
    messages,
    schema: shape,
    ...(key === undefined ? {} : { idempotencyKey: `${key}:repair` }),
  });
  const twice = read(second.text);
  if ('problem' in twice) {
    const { adapter, model: name } = second.speaker ?? model.speaker;
    throw new ConclaveError(
      'CVE_CHAT_OUTPUT_INVALID',
      `${adapter} ${name} twice gave no valid answer, last: ${twice.problem}; use a model that follows a JSON schema`,
    );
  }
  const usage = {
    inputTokens: first.usage.inputTokens + second.usage.inputTokens,
    outputTokens: first.usage.outputTokens + second.usage.outputTokens,
  };
  return { value: twice.value, usage, speaker: second.speaker ?? model.speaker, repaired: true };
}

type Read<T> = { readonly value: T } | { readonly problem: string };

async function firstAnswer<T>(
  model: ChatModel,
  request: ChatRequest,
  read: (text: string) => Read<T>,
): Promise<{ answer: ChatAnswer; read: Read<T> }> {
  try {
    const answer = await model.complete(request);
    return { answer, read: read(answer.text) };
  } catch (error) {
    if (!(error instanceof AnswerCutOff)) throw error;
    const problem = `it was cut off at ${request.maxOutputTokens} output tokens and must be much shorter`;
    return { answer: error.answer, read: { problem } };
  }
}

function parse<T>(text: string, schema: z.ZodType<T>, shape: JsonSchema): Read<T> {
  const json = extractJson(text);
  if (json === undefined) return { problem: 'it holds no JSON object' };
  const found = fromWire(json, shape);
  const parsed = schema.safeParse(found);
  return parsed.success ? { value: parsed.data } : { problem: zodMessage(parsed.error, found) };
}

/** The JSON object in a model's answer: the whole text, or what stands between the first and last brace of what is not thought. */
function extractJson(text: string): unknown {
  const spoken = withoutThoughts(text);
  for (const candidate of [text, spoken.slice(spoken.indexOf('{'), spoken.lastIndexOf('}') + 1)]) {
    try {
      const value: unknown = JSON.parse(candidate);
      if (typeof value === 'object' && value !== null) return value;
    } catch {
      // Not JSON: the next candidate may be.
    }
  }
  return undefined;
}

/** Local reasoning models write their thoughts into the answer, where a draft looks like the answer. The opening mark may stand in their prompt. */
function withoutThoughts(text: string): string {
  const closed = text.search(/<\/think(?:ing)?>(?![\s\S]*<\/think(?:ing)?>)/i);
  const after = closed === -1 ? text : text.slice(text.indexOf('>', closed) + 1);
  return after.replace(/<think(?:ing)?>[\s\S]*$/i, '');
}
