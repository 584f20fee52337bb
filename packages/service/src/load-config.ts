import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type ConclaveConfig, ConclaveError, conclaveConfig, messageOf, zodMessage } from '@conclave/contracts';
import { parse } from 'yaml';

/**
 * Reads a configuration file. `extends: other.yaml` (or a list, later ones win) names files it builds on, relative to
 * itself; mappings are merged, everything else is replaced. Paths inside are relative to the file that names them and come back absolute.
 * @throws CVE_CONFIG_UNREADABLE, CVE_CONFIG_INVALID naming file, field and value.
 */
export function loadConfig(path: string): ConclaveConfig {
  const file = resolve(path);
  const raw = readWithBase(file, []);
  const parsed = conclaveConfig.safeParse(raw);
  if (parsed.success) return parsed.data;
  throw new ConclaveError(
    'CVE_CONFIG_INVALID',
    `${file}: ${zodMessage(parsed.error, raw)}; see config/autonomous_coordination.yaml for every option`,
  );
}

type Mapping = Record<string, unknown>;

/** Where paths stand in a configuration; `*` is any key. */
const PATHS = [
  ['documents'],
  ['executor', 'scriptRoots'],
  ['planningTeam', '*', 'prompt'],
  ['executiveTeam', '*', 'prompt'],
] as const;

function readWithBase(file: string, chain: readonly string[]): Mapping {
  if (chain.includes(file)) {
    throw new ConclaveError(
      'CVE_CONFIG_INVALID',
      `extends goes round in a circle: ${[...chain, file].join(' -> ')}; remove one of them`,
    );
  }
  const { extends: base, ...rest } = readMapping(file);
  const own = PATHS.reduce((mapping: Mapping, place) => withAbsolute(mapping, place, dirname(file)), rest);
  const bases = base === undefined ? [] : Array.isArray(base) ? base : [base];
  return [...bases.map((b: unknown) => readWithBase(baseOf(file, b), [...chain, file])), own].reduce(merge, {});
}

function readMapping(file: string): Mapping {
  let raw: unknown;
  try {
    raw = parse(readFileSync(file, 'utf8'), { merge: true }) ?? {};
  } catch (error) {
    throw new ConclaveError(
      'CVE_CONFIG_UNREADABLE',
      `cannot read configuration ${file}: ${messageOf(error)}; check the path (CONCLAVE_CONFIG) and the YAML`,
      { cause: error },
    );
  }
  if (!isMapping(raw))
    throw new ConclaveError(
      'CVE_CONFIG_INVALID',
      `${file} must hold a mapping, found ${Array.isArray(raw) ? 'a list' : typeof raw}`,
    );
  return raw;
}

function baseOf(file: string, base: unknown): string {
  if (typeof base === 'string') return resolve(dirname(file), base);
  throw new ConclaveError(
    'CVE_CONFIG_INVALID',
    `${file}: extends must be a path or a list of paths, found ${JSON.stringify(base)}`,
  );
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function merge(base: Mapping, own: Mapping): Mapping {
  const merged: Mapping = { ...base };
  for (const [key, value] of Object.entries(own)) {
    const old = merged[key];
    // An agent's adapter replaces the whole entry: options of another adapter would not fit it.
    merged[key] = isMapping(old) && isMapping(value) && !('adapter' in value) ? merge(old, value) : value;
  }
  return merged;
}

/** The mapping with the path or paths at that place made absolute. What is no path is left for the schema to refuse. */
function withAbsolute(mapping: Mapping, [key, ...rest]: readonly string[], folder: string): Mapping {
  const absolute = (value: unknown): unknown => {
    if (rest.length > 0) return isMapping(value) ? withAbsolute(value, rest, folder) : value;
    if (Array.isArray(value)) return value.map(absolute);
    return typeof value === 'string' && value !== '' ? resolve(folder, value) : value;
  };
  const entries = Object.entries(mapping);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, key === '*' || key === name ? absolute(value) : value]),
  );
}
