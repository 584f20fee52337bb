import type { Speaker } from '@conclave/contracts';
import type { ChatAnswer, ChatModel, ChatRequest } from './chat-model.ts';
import { guarded } from './guarded.ts';

/** A model whose calls end in time. */
export function guardedModel(
  speaker: Speaker,
  timeoutMs: number,
  call: (request: ChatRequest) => Promise<ChatAnswer>,
): ChatModel {
  return {
    speaker,
    complete: (request) => guarded(speaker, timeoutMs, request.signal, (signal) => call({ ...request, signal })),
  };
}
