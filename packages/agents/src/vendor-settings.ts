import type { ChatRequest, JsonSchema } from './chat-model.ts';

export interface VendorSettings {
  readonly model: string;
  readonly apiKey: string;
  readonly baseUrl?: string | undefined;
  /** Room for thinking beside the answer; undefined leaves it to the family. */
  readonly thinkingTokens?: number | undefined;
  /** Longest time of a call. */
  readonly timeoutMs: number;
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
