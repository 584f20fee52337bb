import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type ConclaveConfig, messageOf } from '@conclave/contracts';
import { type Check, ok, problem, warning } from './check.ts';

const ANSWER_MS = 5000;
/** As the connection refuses older ones. */
const OLDEST_NATS = [2, 10] as const;
/** The line that runs TypeScript as this project is written. */
const OLDEST_NODE = 24;
const LITTLE_BYTES = 2e9;
const TOO_LITTLE_BYTES = 2e8;
const FEW_FILES = 4096;
const TOO_FEW_FILES = 512;

/** What the machine itself must give. */
export async function checkMachine(
  checkout: string,
  stateDir: string,
  config: ConclaveConfig | undefined,
  env: Readonly<NodeJS.ProcessEnv>,
): Promise<Check[]> {
  return await Promise.all([
    checkNode(process.version),
    checkNats(checkout, env),
    checkPython(config, env),
    checkStateFolder(stateDir),
    checkFileLimit(),
  ]);
}

function checkNode(version: string): Check {
  const major = Number.parseInt(version.slice(1), 10);
  if (major >= OLDEST_NODE) return ok('Machine', 'Node', version.slice(1));
  return problem(
    'Machine',
    'Node',
    `${version.slice(1)}; the system is written for ${OLDEST_NODE} and later`,
    'run it by ./conclave and npm start, which bring their own',
  );
}

async function checkNats(checkout: string, env: Readonly<NodeJS.ProcessEnv>): Promise<Check> {
  const name = 'nats-server';
  if (env.NATS_URL) return ok('Machine', name, `none is started here: NATS_URL names ${withoutPassword(env.NATS_URL)}`);
  const wanted = OLDEST_NATS.join('.');
  if (env.NATS_SERVER_BIN) {
    const version = await natsVersion(env.NATS_SERVER_BIN);
    if (version !== undefined && isRecent(version)) return ok('Machine', name, `${version}, ${env.NATS_SERVER_BIN}`);
    return problem(
      'Machine',
      name,
      `NATS_SERVER_BIN is ${env.NATS_SERVER_BIN}, ${version ?? 'which gives no version'}`,
      `name a nats-server ${wanted} or later, or unset NATS_SERVER_BIN`,
    );
  }
  const folders = [...(env.PATH ?? '').split(delimiter), join(checkout, '.cache', 'bin')].filter(
    (folder) => folder !== '',
  );
  const found = [...new Set(folders)].map((folder) => join(folder, name)).filter(isExecutable);
  let older: string | undefined;
  for (const binary of found) {
    const version = await natsVersion(binary);
    if (version !== undefined && isRecent(version)) return ok('Machine', name, `${version}, ${binary}`);
    older ??= version === undefined ? undefined : `only ${version} (${binary}) is here`;
  }
  return warning(
    'Machine',
    name,
    older ?? 'none is here yet',
    `npm start fetches ${wanted} or later into the checkout; without a network install it: apt install nats-server, brew install nats-server, or nats.io/download`,
  );
}

async function checkPython(config: ConclaveConfig | undefined, env: Readonly<NodeJS.ProcessEnv>): Promise<Check> {
  const python = config?.executor.python ?? 'python3';
  const version = await answerOf(python, ['--version'], env);
  if (version !== undefined) return ok('Machine', 'python3', `${version.replace(/^Python\s+/, '')}, ${python}`);
  const use = 'only the tool run_python_script needs it';
  if (config?.executor.scriptRoots.length === 0) {
    return ok('Machine', 'python3', `${python} is not here, and not needed: this configuration allows no scripts`);
  }
  return warning(
    'Machine',
    'python3',
    `${python} cannot be run; ${use}`,
    'install python3, or name another in executor.python of the configuration',
  );
}

async function checkStateFolder(stateDir: string): Promise<Check> {
  const name = 'state folder';
  let folder = stateDir;
  while (!existsSync(folder)) folder = dirname(folder);
  try {
    accessSync(folder, constants.W_OK);
    const { bavail, bsize } = await statfs(folder);
    const bytes = bavail * bsize;
    const where = `${gigabytes(bytes)} free for ${stateDir}`;
    if (bytes >= LITTLE_BYTES) return ok('Machine', name, where);
    const todo = 'free some disk, or name another folder: npm start -- --data-dir <folder>';
    return bytes < TOO_LITTLE_BYTES ? problem('Machine', name, where, todo) : warning('Machine', name, where, todo);
  } catch (error) {
    return problem(
      'Machine',
      name,
      `${folder} cannot be written (${messageOf(error)})`,
      'give yourself the right to write there, or name another folder: npm start -- --data-dir <folder>',
    );
  }
}

/** Node and nats-server raise the soft limit themselves, as far as the hard one allows. */
async function checkFileLimit(): Promise<Check> {
  const name = 'open files';
  const answer = await answerOf('sh', ['-c', 'ulimit -Hn'], process.env);
  if (answer === undefined) return ok('Machine', name, 'the limit is not known');
  const limit = answer === 'unlimited' ? Number.POSITIVE_INFINITY : Number(answer);
  if (limit >= FEW_FILES) return ok('Machine', name, `${answer} allowed to a process`);
  const todo = `raise it: ulimit -n ${FEW_FILES}, or in /etc/security/limits.conf`;
  const detail = `${answer} allowed to a process; many models and clients need more`;
  return limit < TOO_FEW_FILES ? problem('Machine', name, detail, todo) : warning('Machine', name, detail, todo);
}

async function natsVersion(binary: string): Promise<string | undefined> {
  return /v?(\d+\.\d+\.\d+)/.exec((await answerOf(binary, ['--version'], process.env)) ?? '')?.[1];
}

function isRecent(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > OLDEST_NATS[0] || (major === OLDEST_NATS[0] && minor >= OLDEST_NATS[1]);
}

/** What a program prints; undefined when it cannot be run or fails. */
async function answerOf(
  program: string,
  args: readonly string[],
  env: Readonly<NodeJS.ProcessEnv>,
): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, [...args], { timeout: ANSWER_MS, env });
    return (stdout.trim() === '' ? stderr : stdout).trim().split('\n')[0];
  } catch {
    return undefined;
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function gigabytes(bytes: number): string {
  return bytes >= 1e10 ? `${Math.round(bytes / 1e9)} GB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

function withoutPassword(url: string): string {
  return url.replace(/(?<=\/\/[^/@]*:)[^/@]+(?=@)/, '***');
}
