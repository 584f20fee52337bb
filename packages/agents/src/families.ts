import type { VendorName } from '@conclave/contracts';
import { vendorOf } from './vendor-book.ts';
import type { Family } from './vendor-settings.ts';

/*
 * Which parameters a model takes, by the rows of its vendor. `temperature` is in no request: the newer families refuse it. A gateway's prefix
 * (`some/gpt-6.1-sol`) does not hide the family. What no row matches is taken for an older or a home-made model.
 */

const OTHER: Family = { thinks: false, limit: 'max_tokens' };

/** Room for thinking of a family that thinks, in tokens, where the configuration names none. */
const THINKING_TOKENS = 16_000;

export function familyOf(adapter: VendorName, model: string): Family {
  const id = model.slice(model.lastIndexOf('/') + 1).toLowerCase();
  return vendorOf(adapter).families.find(({ ids }) => ids.test(id)) ?? OTHER;
}

/** Tokens that an answer of this family may take beside those of the answer itself. */
export function thinkingRoom({ thinks }: Family, configured: number | undefined): number {
  return configured ?? (thinks ? THINKING_TOKENS : 0);
}
