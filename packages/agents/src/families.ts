import type { VendorName } from '@conclave/contracts';

/*
 * The one table of model families: which parameters a model takes. `temperature` is in no request: the newer families refuse it.
 * A gateway's prefix (`openai/gpt-6.1-sol`) does not hide the family. What no row matches is taken for an older or a home-made model.
 */

export interface Family {
  /** It thinks before it answers, and its thinking counts into the limit on output; some of these cannot be told not to. */
  readonly thinks: boolean;
  /** How an OpenAI-compatible server wants the limit on output to be called. */
  readonly limit: 'max_tokens' | 'max_completion_tokens';
}

const FAMILIES: readonly { readonly vendor: VendorName; readonly ids: RegExp; readonly family: Family }[] = [
  {
    vendor: 'anthropic',
    ids: /^claude-(?:opus|sonnet|haiku|fable|mythos)-(?:[5-9]|\d\d)(?:-|$)/,
    family: { thinks: true, limit: 'max_tokens' },
  },
  { vendor: 'openai', ids: /^(?:gpt-(?:[5-9]|\d\d)|o\d)/, family: { thinks: true, limit: 'max_completion_tokens' } },
  { vendor: 'openai', ids: /^(?:gpt-4\.1|gpt-4o|chatgpt-)/, family: { thinks: false, limit: 'max_completion_tokens' } },
  { vendor: 'google', ids: /^gemini-(?:2\.5|[3-9]|\d\d)/, family: { thinks: true, limit: 'max_tokens' } },
];

const OTHER: Family = { thinks: false, limit: 'max_tokens' };

/** Room for thinking of a family that thinks, in tokens, where the configuration names none. */
const THINKING_TOKENS = 16_000;

export function familyOf(adapter: VendorName, model: string): Family {
  const id = model.slice(model.lastIndexOf('/') + 1).toLowerCase();
  return FAMILIES.find(({ vendor, ids }) => vendor === adapter && ids.test(id))?.family ?? OTHER;
}

/** Tokens that an answer of this model may take beside those of the answer itself. */
export function thinkingRoom(adapter: VendorName, model: string, configured: number | undefined): number {
  return configured ?? (familyOf(adapter, model).thinks ? THINKING_TOKENS : 0);
}
