import { statSync } from 'node:fs';
import {
  type Endpoint,
  keyOf,
  type ModelList,
  type ModelLists,
  nameOfEndpoint,
  VENDORS,
  vendorOf,
} from '@conclave/agents';
import type { EnvFiles } from '@conclave/service';
import { type Check, ok, problem, warning } from './check.ts';

/** The variables that vendors' keys are read from, unless a chair names another. */
export const VENDOR_KEYS: readonly string[] = VENDORS.map(({ key }) => key.variable);

/** The `.env` files that were read, by names only. */
export function checkEnvFiles(read: EnvFiles, wanted: string): Check[] {
  if (read.files.length === 0) {
    return [ok('Keys', '.env', `there is none (${wanted})`, 'to keep keys there: cp .env.example .env')];
  }
  return read.files.map(({ file, names, overruled }) => {
    const sets = names.length === 0 ? 'sets nothing' : `sets ${names.join(', ')}`;
    const kept = overruled.length === 0 ? '' : `; of ${overruled.join(', ')} the value set before it is used`;
    const detail = `${file} ${sets}${kept}`;
    return (statSync(file).mode & 0o077) === 0 || names.length === 0
      ? ok('Keys', '.env', detail)
      : warning('Keys', '.env', `${detail}; others on this machine may read it`, `chmod 600 ${file}`);
  });
}

/** A row for each vendor or server that a chair may speak through: whether its key is set, and what the vendor says to it. */
export function checkKeys(endpoints: readonly Endpoint[], read: EnvFiles, lists: ModelLists): Check[] {
  if (endpoints.length === 0) return [withoutModels(read.env)];
  return endpoints.map((endpoint) => checkEndpoint(endpoint, read, lists.get(endpoint.id)));
}

/** A configuration without any language model needs no key, and that is no lack. */
function withoutModels(env: Readonly<NodeJS.ProcessEnv>): Check {
  const set = VENDOR_KEYS.filter((name) => (env[name] ?? '').trim() !== '');
  const detail = 'none is needed: every chair speaks by rules, which is no language model';
  if (set.length === 0) return ok('Keys', 'API keys', detail);
  const todo = 'to seat language models: --config config/autonomous_coordination.yaml';
  return ok(
    'Keys',
    'API keys',
    `${detail}; ${set.join(', ')} ${set.length === 1 ? 'is' : 'are'} set and not used`,
    todo,
  );
}

function checkEndpoint(endpoint: Endpoint, { env, files }: EnvFiles, list: ModelList | undefined): Check {
  const { adapter, apiKeyEnv } = endpoint;
  const vendor = nameOfEndpoint(endpoint);
  const name = apiKeyEnv ?? 'own server';
  if (keyOf(endpoint, env) === undefined) return unset(endpoint, env);
  const file = files.find(({ names }) => apiKeyEnv !== undefined && names.includes(apiKeyEnv));
  const origin =
    apiKeyEnv === undefined ? 'needs no key' : file === undefined ? 'set in the environment' : 'set in .env';
  if (list === undefined) return warning('Keys', name, `${origin}; ${vendor} was not asked`, 'ask again');
  if ('models' in list)
    return ok(
      'Keys',
      name,
      `${origin}; ${vendor} answers${apiKeyEnv === undefined ? '' : ', accepts it'} and lists ${list.models.length} models`,
    );
  if (list.keyRefused) {
    return problem(
      'Keys',
      name,
      `${origin}; ${vendor} answers and refuses it`,
      `put a valid key there (${vendorOf(adapter).key.page})`,
    );
  }
  const todo =
    endpoint.baseUrl === undefined
      ? "check this machine's network and proxy, and the vendor's status page"
      : 'start that server, or correct baseUrl in the configuration';
  return problem('Keys', name, `${origin}; ${reasonOf(list.failure)}`, todo);
}

function unset({ adapter, apiKeyEnv = '' }: Endpoint, env: Readonly<NodeJS.ProcessEnv>): Check {
  const known = VENDORS.find(({ key }) => key.variable === apiKeyEnv);
  const other = known?.key.otherNames.find((name) => (env[name] ?? '') !== '');
  if (other !== undefined) {
    return warning('Keys', apiKeyEnv, `not set; ${other} is, which nobody reads here`, `name it ${apiKeyEnv}`);
  }
  const detail = env[apiKeyEnv] === undefined ? 'not set' : 'set to nothing in the environment, which wins over .env';
  return warning(
    'Keys',
    apiKeyEnv,
    `${detail}: ${adapter} speaks for nobody`,
    `put ${apiKeyEnv}=... into .env (${vendorOf(adapter).key.page})`,
  );
}

/** Without the code and the way out, which the table gives. */
function reasonOf(failure: string): string {
  return failure.replace(/^CVE_[A-Z_]+: /, '').split('; ')[0] ?? '';
}
