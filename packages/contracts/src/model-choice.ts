import { z } from 'zod';

/*
 * All that the contracts say of vendors of language models. What is particular to one stands in `packages/agents/src/vendors/<name>.ts`; the
 * descriptions here name its tiers and its key for the reference.
 */

/** The vendors whose models can sit in a chair. Configuration, writers of speakers, adapters and doctor follow this list. */
export const VENDOR_NAMES = ['anthropic', 'openai', 'google'] as const;
export const vendorName = z.enum(VENDOR_NAMES);
export type VendorName = z.infer<typeof vendorName>;

/** Whose model speaks, and how it is reached. */
export const modelChoice = {
  adapter: vendorName.describe('Whose model speaks.'),
  model: z
    .string()
    .min(1)
    .describe(
      "A tier of the tables in packages/agents/src/vendors (`claude-opus`, `claude-sonnet`, `gpt`, `gemini-flash`), or a model's own id.",
    ),
  apiKeyEnv: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Name of the environment variable that holds the API key; by default ANTHROPIC_API_KEY, OPENAI_API_KEY or GOOGLE_API_KEY.',
    ),
  baseUrl: z.url().optional().describe("Another address of the vendor's API; for `openai` any compatible endpoint."),
  sdk: z
    .enum(['genai', 'generative-ai'])
    .optional()
    .describe(
      'For `google`: which of its two packages speaks, `@google/genai` (the default) or its archived predecessor `@google/generative-ai`.',
    ),
};
