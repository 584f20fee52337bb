import type { VendorName } from '@conclave/contracts';

/*
 * The one table of models. A chair names a tier; the newest of its ids that the vendor lists speaks. Sources: the vendors' own
 * deprecation pages and the lists in their SDKs, as of 2026-11-27. A vendor's list, asked at start, wins over the dates here.
 */

export interface Tier {
  readonly adapter: VendorName;
  /** Living ids, newest first. */
  readonly models: readonly string[];
}

export const TIERS: Readonly<Record<string, Tier>> = {
  'claude-opus': { adapter: 'anthropic', models: ['claude-opus-5-5', 'claude-opus-5', 'claude-opus-4-8'] },
  'claude-sonnet': { adapter: 'anthropic', models: ['claude-sonnet-5-5', 'claude-sonnet-5', 'claude-sonnet-4-6'] },
  gpt: { adapter: 'openai', models: ['gpt-6.1-sol', 'gpt-6-sol', 'gpt-5.6-sol'] },
  'gemini-flash': {
    adapter: 'google',
    models: ['gemini-3.8-flash', 'gemini-3.7-flash', 'gemini-3.6-flash', 'gemini-3.5-flash'],
  },
};

/** The day from which a model no longer answers, by its id (ISO 8601). Used where the vendor's list cannot be had or gives no date. */
export const SHUTDOWNS: Readonly<Record<string, string>> = {
  'claude-opus-4-20250514': '2026-06-15',
  'claude-sonnet-4-20250514': '2026-06-15',
  'claude-sonnet-4-5': '2026-11-30',
  'claude-sonnet-4-5-20250929': '2026-11-30',
  'claude-opus-4-5': '2027-01-22',
  'claude-opus-4-5-20251101': '2027-01-22',
  'gpt-4-turbo': '2026-10-23',
  'gpt-5': '2026-12-11',
  o3: '2026-12-11',
  'gpt-4o': '2027-01-14',
  'gpt-4.1': '2027-01-14',
  'gemini-2.0-flash': '2026-06-01',
};

/** The tier of that name at that vendor. */
export function tierOf(adapter: VendorName, name: string): Tier | undefined {
  const tier = Object.hasOwn(TIERS, name) ? TIERS[name] : undefined;
  return tier?.adapter === adapter ? tier : undefined;
}

/** The tier that an id stands in: what to name instead of an id that ends. */
export function tierNear(adapter: VendorName, model: string): string | undefined {
  return Object.entries(TIERS).find(
    ([name, tier]) => tier.adapter === adapter && (tier.models.includes(model) || resembles(model, name)),
  )?.[0];
}

/** True when an id has all words of the tier's name: `claude-opus-4-20250514` and `claude-opus`. */
function resembles(model: string, tier: string): boolean {
  const words = model.toLowerCase().split(/[^a-z]+/);
  return tier.split('-').every((word) => words.includes(word));
}
