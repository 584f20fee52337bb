import type { Speaker } from '@conclave/contracts';

export interface ChatMessage {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

/** A JSON Schema (an object). */
export type JsonSchema = Readonly<Record<string, unknown>>;

export interface ChatRequest {
  readonly system: string;
  /** At least one; the first and the last are the user's. */
  readonly messages: readonly ChatMessage[];
  /** Asks for JSON of this shape by the vendor's own means. The answer's text is then JSON as the model wrote it, not yet validated. */
  readonly schema?: JsonSchema | undefined;
  /** Of the answer; thinking has its own room. */
  readonly maxOutputTokens: number;
  readonly signal: AbortSignal;
  /** When the caller's time is over, as `performance.now()` counts: a model that hangs leaves some of it to its substitutes. */
  readonly endsAt?: number | undefined;
  /** Sent to vendors that honour one: the same key is answered from the first call. */
  readonly idempotencyKey?: string | undefined;
}

export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface ChatAnswer {
  readonly text: string;
  readonly usage: Usage;
  /** Who answered, the chair's own model or a substitute; absent where the model has one voice only. */
  readonly speaker?: Speaker;
}

/** The language model of a chair, with its substitutes. */
export interface ChatModel {
  /** Who would be asked now. */
  readonly speaker: Speaker;
  /**
   * One answer. A model that fails is not asked twice: its substitutes are asked instead, each within the configured timeout.
   * @throws CVE_CHAT_RATE_LIMITED (with `retryAfterMs` when the vendor said so), CVE_CHAT_UNAVAILABLE, CVE_CHAT_TIMEOUT,
   * CVE_CHAT_REFUSED, CVE_CHAT_NOT_CONFIGURED (the vendor refuses key, model or request), CVE_CHAT_OUTPUT_INVALID (an
   * AnswerCutOff: the limit on output came before the end of the answer), CVE_CANCELLED.
   */
  complete(request: ChatRequest): Promise<ChatAnswer>;
}
