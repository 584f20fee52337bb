import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import {
  type AgentConfig,
  type ConclaveConfig,
  ConclaveError,
  conclaveConfig,
  messageOf,
  zodMessage,
} from '@conclave/contracts';
import { parse } from 'yaml';

/**
 * Reads a configuration file. `extends: other.yaml` (or a list, later ones win) names files it builds on, relative to
 * itself; mappings are merged, everything else is replaced. Paths inside are relative to the file given here and come back absolute.
 * @throws CVE_CONFIG_UNREADABLE, CVE_CONFIG_INVALID naming file, field and value.
 */
export function loadConfig(path: string): ConclaveConfig {
  const file = resolve(path);
  const raw = readWithBase(file, []);
  const parsed = conclaveConfig.safeParse(raw);
  if (!parsed.success) {
    throw new ConclaveError(
      'CVE_CONFIG_INVALID',
      `${file}: ${zodMessage(parsed.error, raw)}; see config/autonomous_coordination.yaml for every option`,
    );
  }
  return withAbsolutePaths(parsed.data, dirname(file));
}

type Mapping = Record<string, unknown>;

function readWithBase(file: string, chain: readonly string[]): Mapping {
  if (chain.includes(file)) {
    throw new ConclaveError(
      'CVE_CONFIG_INVALID',
      `extends goes round in a circle: ${[...chain, file].join(' -> ')}; remove one of them`,
    );
  }
  const { extends: base, ...own } = readMapping(file);
  const bases = base === undefined ? [] : Array.isArray(base) ? base : [base];
  return [...bases.map((b: unknown) => readWithBase(baseOf(file, b), [...chain, file])), own].reduce(merge, {});
}

function readMapping(file: string): Mapping {
  let raw: unknown;
  try {
    raw = parse(readFileSync(file, 'utf8')) ?? {};
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

function withAbsolutePaths(config: ConclaveConfig, folder: string): ConclaveConfig {
  const absolute = (path: string): string => resolve(folder, path);
  const team = (agents: Readonly<Record<string, AgentConfig>>): Mapping =>
    Object.fromEntries(
      Object.entries(agents).map(([role, agent]) => [
        role,
        agent.adapter === 'rules' || agent.prompt === undefined ? agent : { ...agent, prompt: absolute(agent.prompt) },
      ]),
    );
  return conclaveConfig.parse({
    ...config,
    documents: config.documents.map(absolute),
    planningTeam: team(config.planningTeam),
    executiveTeam: team(config.executiveTeam),
    executor: { ...config.executor, scriptRoots: config.executor.scriptRoots.map(absolute) },
  });
}
