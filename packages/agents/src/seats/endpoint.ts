import type { SubstituteConfig, VendorName } from '@conclave/contracts';
import { vendorOf } from '../vendor-book.ts';

/** Where calls of one vendor go, and with which key. */
export interface Endpoint {
  /** The same for chairs that share address and key. */
  readonly id: string;
  readonly adapter: VendorName;
  readonly baseUrl: string | undefined;
  /** The environment variable of the key; undefined for a server of one's own that needs none. */
  readonly apiKeyEnv: string | undefined;
}

/** At an address of one's own, where servers of others speak a vendor's protocol, a key is needed only where `apiKeyEnv` names one. */
export function endpointOf(choice: Pick<SubstituteConfig, 'adapter' | 'apiKeyEnv' | 'baseUrl'>): Endpoint {
  const { adapter, baseUrl } = choice;
  const { key, isSpokenByOthers } = vendorOf(adapter);
  const isOwn = isSpokenByOthers && baseUrl !== undefined && choice.apiKeyEnv === undefined;
  const apiKeyEnv = isOwn ? undefined : (choice.apiKeyEnv ?? key.variable);
  return { id: [adapter, baseUrl ?? '', apiKeyEnv ?? ''].join(' '), adapter, baseUrl, apiKeyEnv };
}

/** The key of an endpoint; undefined when its variable is not set. */
export function keyOf({ apiKeyEnv }: Endpoint, env: Readonly<NodeJS.ProcessEnv>): string | undefined {
  if (apiKeyEnv === undefined) return 'none';
  const key = env[apiKeyEnv]?.trim();
  return key === '' ? undefined : key;
}

/** As a person calls it: the vendor, and its address where that is another. */
export function nameOfEndpoint({ adapter, baseUrl }: Pick<Endpoint, 'adapter' | 'baseUrl'>): string {
  return baseUrl === undefined ? adapter : `${adapter} at ${baseUrl}`;
}
