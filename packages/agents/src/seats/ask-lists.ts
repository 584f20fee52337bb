import { type AgentConfig, type ConclaveConfig, messageOf } from '@conclave/contracts';
import { VendorFailure } from '../failures.ts';
import type { ListedModel } from '../vendor-parts.ts';
import { type Endpoint, endpointOf, keyOf } from './endpoint.ts';
import { listModels } from './list-models.ts';

/** What a vendor said when it was asked for its list. */
export type ModelList =
  | { readonly models: readonly ListedModel[] }
  /** `keyRefused`: the vendor answered, and does not take the key. */
  | { readonly failure: string; readonly keyRefused: boolean };

/** By the id of the endpoint; an endpoint that was not asked is not in it. */
export type ModelLists = ReadonlyMap<string, ModelList>;

export type Teams = Pick<ConclaveConfig, 'planningTeam' | 'executiveTeam'>;

/** The endpoints that these chairs may speak through, each once. */
export function endpointsOf(agents: readonly AgentConfig[]): Endpoint[] {
  const endpoints = agents
    .flatMap((agent) => (agent.adapter === 'rules' ? [] : [agent, ...agent.substitutes]))
    .map(endpointOf);
  return [...new Map(endpoints.map((endpoint) => [endpoint.id, endpoint])).values()];
}

/** Asks each vendor of these chairs that has a key for its list, all at once. Never rejects: a list that cannot be had says why. */
export async function askLists(
  agents: readonly AgentConfig[],
  env: Readonly<NodeJS.ProcessEnv>,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<ModelLists> {
  const lists = new Map<string, ModelList>();
  await Promise.all(
    endpointsOf(agents).map(async (endpoint) => {
      const apiKey = keyOf(endpoint, env);
      if (apiKey === undefined) return;
      const { adapter, baseUrl } = endpoint;
      const list = await listModels(adapter, { apiKey, baseUrl, timeoutMs, signal }).then(
        (models): ModelList => (models.length > 0 ? { models } : { failure: 'its list is empty', keyRefused: false }),
        (error: unknown): ModelList => ({ failure: messageOf(error), keyRefused: refusesKey(error) }),
      );
      lists.set(endpoint.id, list);
    }),
  );
  return lists;
}

/** 403 is said to good keys too, that may talk but not list. */
function refusesKey(error: unknown): boolean {
  return error instanceof VendorFailure && error.status === 401;
}
