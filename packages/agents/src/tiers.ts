import type { VendorName } from '@conclave/contracts';
import { VENDORS, vendorOf } from './vendor-book.ts';

/*
 * Tiers and days of shutdown, of all vendors. Their rows stand in `vendors/`, by the vendors' own deprecation pages and the lists in their
 * SDKs. A vendor's list, asked at start, wins over the dates there.
 */

/** The living ids of the tier of that name at that vendor, newest first. */
export function tierOf(adapter: VendorName, name: string): readonly string[] | undefined {
  const { tiers } = vendorOf(adapter);
  return Object.hasOwn(tiers, name) ? tiers[name] : undefined;
}

/** The tier that an id stands in: what to name instead of an id that ends. */
export function tierNear(adapter: VendorName, model: string): string | undefined {
  const tiers = Object.entries(vendorOf(adapter).tiers);
  return tiers.find(([name, models]) => models.includes(model) || resembles(model, name))?.[0];
}

/** The day (ISO 8601) from which a model no longer answers, whoever serves it: another's endpoint may pass it on. */
export function shutdownOf(model: string): string | undefined {
  return VENDORS.map(({ shutdowns }) => (Object.hasOwn(shutdowns, model) ? shutdowns[model] : undefined)).find(
    (day) => day !== undefined,
  );
}

/** True when an id has all words of the tier's name: `claude-opus-4-20250514` and `claude-opus`. */
function resembles(model: string, tier: string): boolean {
  const words = model.toLowerCase().split(/[^a-z]+/);
  return tier.split('-').every((word) => words.includes(word));
}
