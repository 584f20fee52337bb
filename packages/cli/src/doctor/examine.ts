import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { askLists, endpointsOf } from '@conclave/agents';
import { type ConclaveConfig, messageOf } from '@conclave/contracts';
import { type EnvFiles, envFilesOf, loadConfig, readEnvFiles } from '@conclave/service';
import { CHECKOUT } from '../connect.ts';
import { checkChairs } from './chairs.ts';
import { type Check, problem } from './check.ts';
import { checkEnvFiles, checkKeys, VENDOR_KEYS } from './keys.ts';
import { checkLocalServers, LOCAL_SERVERS, type LocalServer } from './local-servers.ts';
import { checkMachine } from './machine.ts';
import { checkSystem, type FoundSystem, findSystem } from './system.ts';

/** Time that each vendor has to give its list. */
const LIST_MS = 8000;

export interface ExamineOptions {
  readonly config?: string | undefined;
  readonly nats?: string | undefined;
  readonly state?: string | undefined;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly localServers?: readonly LocalServer[];
  readonly signal?: AbortSignal;
}

export interface Examination {
  readonly configFile: string;
  /** Why this configuration is looked at. */
  readonly because: string;
  readonly checks: readonly Check[];
}

/** Looks at everything that a system needs, whether one runs or not. Never rejects: what cannot be looked at is a row that says why. */
export async function examine(options: ExamineOptions): Promise<Examination> {
  const {
    env = process.env,
    cwd = process.cwd(),
    localServers = LOCAL_SERVERS,
    signal = new AbortController().signal,
  } = options;
  const system = await findSystem(options, env, cwd);
  try {
    const { file, because } = chooseConfig(options, system, env, cwd);
    const { read, fault } = readFiles(file, env);
    const { config, rows } = readConfig(file);
    const agents =
      config === undefined ? [] : [...Object.values(config.planningTeam), ...Object.values(config.executiveTeam)];
    const stateDir = stateDirOf(options, system, env, cwd);
    const usedUrls = endpointsOf(agents).flatMap(({ baseUrl }) => baseUrl ?? []);
    const [machine, lists, local, running] = await Promise.all([
      checkMachine(CHECKOUT, stateDir, config, read.env),
      askLists(agents, read.env, { timeoutMs: LIST_MS, signal }),
      checkLocalServers(localServers, usedUrls),
      checkSystem(system, stateDir, env),
    ]);
    const wanted = envFilesOf(file, CHECKOUT)
      .map((path) => shown(path, cwd))
      .join(' or ');
    const keys = config === undefined ? [] : checkKeys(endpointsOf(agents), read, lists);
    const chairs = config === undefined ? [] : checkChairs(config, read.env, lists, new Date());
    const envRows = fault ?? checkEnvFiles(read, wanted);
    return {
      configFile: file,
      because,
      checks: [...machine, ...envRows, ...keys, ...rows, ...chairs, ...local, ...running],
    };
  } finally {
    await system.bus?.drain();
  }
}

/** Named, else that of the running system, else by whether there is a key: what there is to check. */
function chooseConfig(
  { config }: ExamineOptions,
  { settings, bus }: FoundSystem,
  env: NodeJS.ProcessEnv,
  cwd: string,
): { file: string; because: string } {
  if (config !== undefined) return { file: resolve(cwd, config), because: 'named by --config' };
  if (env.CONCLAVE_CONFIG) return { file: resolve(cwd, env.CONCLAVE_CONFIG), because: 'named by CONCLAVE_CONFIG' };
  const running = bus === undefined ? undefined : settings?.stack?.configFile;
  if (running !== undefined) return { file: running, because: 'of the running system' };
  const withModels = join(CHECKOUT, 'config', 'autonomous_coordination.yaml');
  const { read } = readFiles(withModels, env);
  const key = VENDOR_KEYS.find((name) => (read.env[name] ?? '').trim() !== '');
  if (key !== undefined) return { file: withModels, because: `as ${key} is set; others by --config` };
  return { file: join(CHECKOUT, 'config', 'demo.yaml'), because: 'what npm start runs; others by --config' };
}

/** Without what cannot be read; the fault is a row of its own. */
function readFiles(configFile: string, env: NodeJS.ProcessEnv): { read: EnvFiles; fault: Check[] | undefined } {
  try {
    return { read: readEnvFiles(envFilesOf(configFile, CHECKOUT), env), fault: undefined };
  } catch (error) {
    const [what = '', todo = ''] = withoutCode(messageOf(error)).split('; ');
    return { read: { env, files: [] }, fault: [problem('Keys', '.env', what, todo)] };
  }
}

function readConfig(file: string): { config: ConclaveConfig | undefined; rows: Check[] } {
  try {
    return { config: loadConfig(file), rows: [] };
  } catch (error) {
    const [what = '', ...todo] = withoutCode(messageOf(error)).split('; ');
    return { config: undefined, rows: [problem('Planning team', 'configuration', what, todo.join('; '))] };
  }
}

/** As the other verbs find it; where none was made yet, the checkout's. */
function stateDirOf({ state }: ExamineOptions, { settings }: FoundSystem, env: NodeJS.ProcessEnv, cwd: string): string {
  const named = state ?? env.CONCLAVE_STATE;
  if (named !== undefined) return resolve(cwd, named);
  if (settings?.stack !== undefined) return settings.stack.stateDir;
  for (let dir = resolve(cwd); ; dir = dirname(dir)) {
    if (existsSync(join(dir, '.conclave'))) return join(dir, '.conclave');
    if (dirname(dir) === dir) return join(CHECKOUT, '.conclave');
  }
}

function shown(path: string, cwd: string): string {
  const near = relative(cwd, path);
  return near.startsWith('..') ? path : near;
}

function withoutCode(text: string): string {
  return text.replace(/^CVE_[A-Z_]+: /, '');
}
