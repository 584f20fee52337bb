import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Bus, connectBus, keyringFromFile } from '@conclave/bus';
import { ConclaveError, messageOf } from '@conclave/contracts';
import { z } from 'zod';

export interface Settings {
  readonly natsUrl: string;
  /** Seed of the operator's nkey; without it the connection is anonymous. */
  readonly nkeySeed: string | undefined;
  /** File with the keys whose signatures count; without it nothing can be read of the journal. */
  readonly keyringFile: string | undefined;
  /** The operator's token; without it operators' verbs are refused. */
  readonly token: string | undefined;
  /** The local stack that this address is of, as far as its state folder tells. */
  readonly stack: LocalStack | undefined;
}

/** A stack on this machine that runs, or ran last, on a state folder. */
export interface LocalStack {
  readonly stateDir: string;
  readonly configFile: string | undefined;
  readonly statusPage: string | undefined;
  /** Instances it runs, such as `gpu-runner-0`. */
  readonly instances: readonly string[];
}

export const CHECKOUT = resolve(import.meta.dirname, '../../..');
const stackFile = z.object({
  natsUrl: z.string().min(1),
  configFile: z.string().optional(),
  urls: z.record(z.string(), z.string()).default({}),
});

/**
 * Where to connect and as whom: the option, else the environment (CONCLAVE_NATS_URL, CONCLAVE_NKEY_FILE, CONCLAVE_OPERATOR_TOKEN or
 * CONCLAVE_OPERATOR_TOKEN_FILE), else the local stack: its state folder as named (`--state`, CONCLAVE_STATE), else `.conclave` in the
 * working directory, above it, or in this checkout.
 * @throws CVE_BUS_UNAVAILABLE when nothing says where NATS is.
 */
export function readSettings(
  options: { nats?: string | undefined; state?: string | undefined },
  env: NodeJS.ProcessEnv = process.env,
  cwd = process.cwd(),
): Settings {
  const named = options.state ?? env.CONCLAVE_STATE;
  const state = named === undefined ? findState(cwd) : resolve(cwd, named);
  // A folder that was named says where NATS is; one that was only found gives way to an address.
  const address = options.nats ?? (options.state === undefined ? env.CONCLAVE_NATS_URL : undefined);
  const natsUrl = address ?? (state === undefined ? undefined : runningStack(state).natsUrl);
  if (natsUrl === undefined) {
    throw new ConclaveError(
      'CVE_BUS_UNAVAILABLE',
      `no Conclave runs here (no .conclave/stack.json in ${cwd} or above, and CONCLAVE_NATS_URL is not set); start it with npm start or set CONCLAVE_NATS_URL`,
    );
  }
  const credential = (name: string): string | undefined =>
    state === undefined ? undefined : join(state, 'credentials', name);
  return {
    natsUrl,
    nkeySeed: secret(env.CONCLAVE_NKEY_FILE, credential('operator.nk')),
    keyringFile: env.CONCLAVE_KEYRING_FILE ?? existing(credential('keyring.json')),
    token: env.CONCLAVE_OPERATOR_TOKEN ?? secret(env.CONCLAVE_OPERATOR_TOKEN_FILE, credential('operator.token')),
    stack: state === undefined ? undefined : localStack(state, natsUrl),
  };
}

/** Undefined when the folder's stack is another one than that at the address. */
function localStack(stateDir: string, natsUrl: string): LocalStack | undefined {
  try {
    const { configFile, urls, natsUrl: own } = runningStack(stateDir);
    if (own !== natsUrl) return undefined;
    return { stateDir, configFile, statusPage: urls['metrics-0'], instances: Object.keys(urls) };
  } catch {
    return undefined;
  }
}

/** @throws CVE_BUS_UNAVAILABLE when NATS does not answer in five seconds; CVE_UNAUTHORIZED */
export async function connect({ natsUrl, nkeySeed, keyringFile }: Settings): Promise<Bus> {
  const attempt = connectBus({
    servers: natsUrl,
    name: 'conclave-cli',
    ...(keyringFile === undefined ? {} : { keyring: keyringFromFile(keyringFile) }),
    ...(nkeySeed === undefined ? {} : { nkeySeed, user: 'operator' }),
  });
  const tooLate = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    tooLate.reject(
      new ConclaveError(
        'CVE_BUS_UNAVAILABLE',
        `NATS at ${natsUrl} does not answer; start it with npm start or set CONCLAVE_NATS_URL`,
      ),
    );
  }, 5000);
  try {
    return await Promise.race([attempt, tooLate.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** The nearest `.conclave` that a stack has written, from the working directory upwards, else the checkout's. */
function findState(cwd: string): string | undefined {
  const folders: string[] = [];
  for (let dir = resolve(cwd); ; dir = dirname(dir)) {
    folders.push(dir);
    if (dirname(dir) === dir) break;
  }
  return [...folders, CHECKOUT]
    .map((dir) => join(dir, '.conclave'))
    .find((dir) => readText(join(dir, 'stack.json')) !== undefined);
}

function runningStack(state: string): z.infer<typeof stackFile> {
  const file = join(state, 'stack.json');
  try {
    return stackFile.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    throw new ConclaveError(
      'CVE_BUS_UNAVAILABLE',
      `${file} does not say where NATS is (${messageOf(error)}); start the stack again with npm start or set CONCLAVE_NATS_URL`,
    );
  }
}

/** @throws CVE_ENVIRONMENT_INVALID when a file that was named by hand cannot be read. */
function secret(named: string | undefined, usual: string | undefined): string | undefined {
  if (named === undefined) return usual === undefined ? undefined : readText(usual);
  const text = readText(named);
  if (text !== undefined) return text;
  throw new ConclaveError(
    'CVE_ENVIRONMENT_INVALID',
    `the credential file ${named} cannot be read; correct CONCLAVE_NKEY_FILE or CONCLAVE_OPERATOR_TOKEN_FILE`,
  );
}

function existing(file: string | undefined): string | undefined {
  return file !== undefined && existsSync(file) ? file : undefined;
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
