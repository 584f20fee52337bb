import type { JsonSchema } from './chat-model.ts';

export interface VendorSettings {
  readonly model: string;
  readonly apiKey: string;
  readonly baseUrl: string | undefined;
  /** Time for one call. */
  readonly timeoutMs: number;
}

/** Asks for JSON in words, for vendors whose JSON mode takes no schema of ours. */
export function schemaInstruction(schema: JsonSchema): string {
  return `Answer with one JSON object and nothing else. It must satisfy this JSON Schema:\n${JSON.stringify(schema)}`;
}
