import type { VendorName } from '@conclave/contracts';
import { guarded } from '../guarded.ts';
import { vendorOf } from '../vendor-book.ts';
import { type ListedModel, type ListOptions, listSpeaker } from '../vendor-parts.ts';

/** No vendor has more; a server that names models without end is cut off here. */
const MOST_MODELS = 2000;

/**
 * What a vendor offers to this key, by its own list.
 * @throws CVE_CHAT_NOT_CONFIGURED (the key is refused), CVE_CHAT_UNAVAILABLE, CVE_CHAT_TIMEOUT, CVE_CHAT_RATE_LIMITED, CVE_CANCELLED.
 */
export async function listModels(adapter: VendorName, options: ListOptions): Promise<readonly ListedModel[]> {
  return await guarded(listSpeaker(adapter), options.timeoutMs, options.signal, async (signal) => {
    const models: ListedModel[] = [];
    for await (const model of vendorOf(adapter).list({ ...options, signal })) {
      if (models.push(model) === MOST_MODELS) break;
    }
    return models;
  });
}
