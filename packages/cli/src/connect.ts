import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Bus, connectBus } from '@conclave/bus';
import { ConclaveError, messageOf } from '@conclave/contracts';
import { z } from 'zod';

export interface Settings {
  readonly natsUrl: string;
  /** Seed of the operator's nkey; without it the connection is anonymous. */
  readonly nkeySeed: string | undefined;
  /** The operator's token; without it operators' verbs are refused. */
  readonly token: string | undefined;
}

const CHECKOUT = resolve(import.meta.dirname, '../../..');
const stackFile = z.object({ natsUrl: z.string().min(1) });

/**
 * Where to connect and as whom: the option, else the environment (CONCLAVE_NATS_URL, CONCLAVE_NKEY_FILE, CONCLAVE_OPERATOR_TOKEN or
 * CONCLAVE_OPERATOR_TOKEN_FILE), else the local stack's `.conclave` in the working directory, above it, or in this checkout.
 * @throws CVE_BUS_UNAVAILABLE when nothing says where NATS is.
 */
export function readSettings(
  options: { nats?: string | undefined },
  env: NodeJS.ProcessEnv = process.env,
  cwd = process.cwd(),
): Settings {
  const state = findState(cwd);
  const natsUrl = options.nats ?? env.CONCLAVE_NATS_URL ?? (state === undefined ? undefined : runningStack(state));
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
    token: env.CONCLAVE_OPERATOR_TOKEN ?? secret(env.CONCLAVE_OPERATOR_TOKEN_FILE, credential('operator.token')),
  };
}

/** @throws CVE_BUS_UNAVAILABLE when NATS does not answer in five seconds; CVE_UNAUTHORIZED */
export async function connect({ natsUrl, nkeySeed }: Settings): Promise<Bus> {
  const attempt = connectBus({
    servers: natsUrl,
    name: 'conclave-cli',
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

function runningStack(state: string): string {
  const file = join(state, 'stack.json');
  try {
    return stackFile.parse(JSON.parse(readFileSync(file, 'utf8'))).natsUrl;
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

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
