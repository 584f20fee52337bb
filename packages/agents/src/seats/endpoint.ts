import type { SubstituteConfig, VendorName } from '@conclave/contracts';

/** Where calls of one vendor go, and with which key. */
export interface Endpoint {
  /** The same for chairs that share address and key. */
  readonly id: string;
  readonly adapter: VendorName;
  readonly baseUrl: string | undefined;
  /** The environment variable of the key; undefined for a server of one's own that needs none. */
  readonly apiKeyEnv: string | undefined;
}

const DEFAULT_KEY: Readonly<Record<VendorName, string>> = {
  anthropic: 'ANTHROPIC_API_KEY',
  openai: 'OPENAI_API_KEY',
  google: 'GOOGLE_API_KEY',
};

/** An `openai` endpoint of one's own needs a key only where `apiKeyEnv` names one. */
export function endpointOf(choice: Pick<SubstituteConfig, 'adapter' | 'apiKeyEnv' | 'baseUrl'>): Endpoint {
  const { adapter, baseUrl } = choice;
  const isOwn = adapter === 'openai' && baseUrl !== undefined && choice.apiKeyEnv === undefined;
  const apiKeyEnv = isOwn ? undefined : (choice.apiKeyEnv ?? DEFAULT_KEY[adapter]);
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
