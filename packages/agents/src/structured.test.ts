import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isConclaveError } from '@conclave/contracts';
import { z } from 'zod';
import type { ChatModel, ChatRequest } from './chat-model.ts';
import { structured } from './structured.ts';

const schema = z.object({ vote: z.enum(['go', 'no_go']), reason: z.string().default('') });

/** A model that gives these answers in order, and what it was asked. */
function modelSaying(...answers: string[]): { model: ChatModel; requests: ChatRequest[] } {
  const requests: ChatRequest[] = [];
  const model: ChatModel = {
    speaker: { adapter: 'openai', model: 'test-model' },
    complete: async (request) => {
      requests.push(request);
      return { text: answers[requests.length - 1] ?? '', usage: { inputTokens: 1, outputTokens: 1 } };
    },
  };
  return { model, requests };
}

const request = {
  system: '',
  messages: [{ role: 'user' as const, content: 'Vote.' }],
  maxOutputTokens: 100,
  signal: new AbortController().signal,
  idempotencyKey: 'turn-1',
};

for (const text of ['{"vote":"go"}', 'Here it is:\n```json\n{"vote":"go"}\n```\nDone.', 'I vote {"vote":"go"}']) {
  test(`JSON is found in ${JSON.stringify(text)}`, async () => {
    const { value } = await structured(modelSaying(text).model, request, schema);
    assert.deepEqual(value, { vote: 'go', reason: '' });
  });
}

test('defaults need not be given', async () => {
  const { model, requests } = modelSaying('{"vote":"go"}');
  await structured(model, request, schema);
  assert.deepEqual(requests[0]?.schema?.required, ['vote']);
});

for (const text of ['', 'go', '[]', '{"vote":', 'null']) {
  test(`${JSON.stringify(text)} is repaired with a call of its own`, async () => {
    const { model, requests } = modelSaying(text, '{"vote":"no_go"}');
    const { value, repaired } = await structured(model, request, schema);
    assert.deepEqual([value.vote, repaired], ['no_go', true]);
    assert.deepEqual(
      requests.map((asked) => [asked.idempotencyKey, asked.messages.length]),
      [
        ['turn-1', 1],
        ['turn-1:repair', 3],
      ],
    );
  });
}

test('two invalid answers are an error that names the model and the problem', async () => {
  await assert.rejects(
    structured(modelSaying('{"vote":"maybe"}', '{"vote":"perhaps"}').model, request, schema),
    (error) => isConclaveError(error, 'CVE_CHAT_OUTPUT_INVALID') && /test-model.*perhaps/.test(error.message),
  );
});

for (const thoughts of [
  '<think>Perhaps {"vote":"go"}.</think>',
  'Perhaps {"vote":"go"}.</think>',
  '<thinking>{"vote":"go"}',
]) {
  test(`a draft in ${JSON.stringify(thoughts)} is no answer`, async () => {
    const answered = await structured(
      modelSaying(`${thoughts}\n{"vote":"no_go"}`, '{"vote":"no_go"}').model,
      request,
      schema,
    );
    assert.equal(answered.value.vote, 'no_go');
    const unanswered = modelSaying(thoughts, '{"vote":"no_go"}');
    assert.equal((await structured(unanswered.model, request, schema)).repaired, true);
  });
}

test('null for an optional field is absent', async () => {
  const { value } = await structured(modelSaying('{"vote":"go","reason":null}').model, request, schema);
  assert.deepEqual(value, { vote: 'go', reason: '' });
});
