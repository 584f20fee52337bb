import type { SubstituteConfig } from '@conclave/contracts';
import type { ChatRequest, JsonSchema } from './chat-model.ts';

export interface Family {
  /** It thinks before it answers, and its thinking counts into the limit on output; some of these cannot be told not to. */
  readonly thinks: boolean;
  /** How a server that speaks another vendor's protocol wants the limit on output to be called. */
  readonly limit: 'max_tokens' | 'max_completion_tokens';
}

export interface VendorSettings {
  readonly model: string;
  readonly apiKey: string;
  readonly baseUrl?: string | undefined;
  readonly family: Family;
  /** Tokens that an answer may take for thinking, beside those of the answer itself. */
  readonly thinkingRoom: number;
  /** Longest time of a call. */
  readonly timeoutMs: number;
  /** Which of the vendor's packages speaks, where it has several. */
  readonly sdk?: SubstituteConfig['sdk'];
}

/** How a schema is asked for: by the vendor's own means, by a mode that gives some JSON, or in words alone. */
export type SchemaMeans = 'schema' | 'json' | 'words';

/** The system text, with the schema in words where the vendor's means do not carry it. */
export function systemFor({ system, schema }: ChatRequest, means: SchemaMeans): string {
  return schema === undefined || means === 'schema' ? system : `${system}\n\n${schemaInstruction(schema)}`;
}

function schemaInstruction(schema: JsonSchema): string {
  return `Answer with one JSON object and nothing else. It must satisfy this JSON Schema:\n${JSON.stringify(schema)}`;
}
