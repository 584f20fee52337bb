import { readFileSync } from 'node:fs';
import { ConclaveError, messageOf } from '@conclave/contracts';
import { z } from 'zod';

const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::1', 'localhost']);

/** The variables that a service reads. */
export const serviceEnvironment = z.object({
  CONCLAVE_CONFIG: z.string().min(1).describe('The configuration file.'),
  CONCLAVE_INSTANCE: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'must be letters, digits and . _ -, at most 63')
    .describe('Name of this instance, unique among all: `planner-0`.'),
  CONCLAVE_NATS_URL: z.string().min(1).describe('Comma-separated NATS URLs.'),
  CONCLAVE_NKEY_FILE: z
    .string()
    .min(1)
    .optional()
    .describe(
      'File with the nkey seed: who the service is towards NATS, and what it signs with. Only metrics, which writes nothing, does without.',
    ),
  CONCLAVE_KEYRING_FILE: z
    .string()
    .min(1)
    .describe(
      'JSON file with the public nkeys whose signatures count, with role and time (docs/schemas/keyring.schema.json).',
    ),
  CONCLAVE_HTTP_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .describe("Port of health, metrics and the service's own routes. 0 takes a free one."),
  CONCLAVE_HTTP_HOST: z.string().min(1).default('127.0.0.1').describe('Address to listen on.'),
  CONCLAVE_HTTP_TOKEN: z
    .string()
    .min(16, 'must have at least 16 characters')
    .optional()
    .describe('Bearer token; required beyond loopback.'),
  CONCLAVE_DATA_DIR: z.string().min(1).describe('Directory for caches and results that may be lost.'),
  CONCLAVE_OPERATORS_FILE: z
    .string()
    .min(1)
    .optional()
    .describe('File with the operators and the hashes of their tokens.'),
  CONCLAVE_LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('Least level that is logged.'),
  CONCLAVE_DIE_WITH_PARENT: z
    .enum(['0', '1'])
    .default('0')
    .describe('`1`: exit when stdin closes, so that no service outlives who started it.'),
});

/** Where and as whom a service runs. */
export interface Environment {
  readonly configPath: string;
  readonly instance: string;
  readonly natsUrl: string;
  readonly nkeySeed: string | undefined;
  readonly keyringFile: string;
  readonly httpPort: number;
  readonly httpHost: string;
  readonly httpToken: string | undefined;
  readonly dataDir: string;
  readonly operatorsFile: string | undefined;
  readonly logLevel: string;
  readonly dieWithParent: boolean;
}

const WAY_OUT: Readonly<Record<string, string>> = {
  CONCLAVE_CONFIG: 'set it to the configuration file, e.g. config/autonomous_coordination.yaml',
  CONCLAVE_INSTANCE: 'set it to a unique name, e.g. planner-0 (on Kubernetes: metadata.name)',
  CONCLAVE_NATS_URL: 'set it to the address of NATS, e.g. nats://127.0.0.1:4222',
  CONCLAVE_KEYRING_FILE: "set it to the installation's keyring.json",
  CONCLAVE_HTTP_PORT: 'set it to a free port, e.g. 8080, or 0 for any',
  CONCLAVE_DATA_DIR: 'set it to a directory this service may write to',
};

/** Names whose value never appears in a message. */
const SECRET: ReadonlySet<string> = new Set(['CONCLAVE_HTTP_TOKEN']);

/** @throws CVE_ENVIRONMENT_INVALID naming the variable, its value and the way out. */
export function readEnvironment(variables: Readonly<Record<string, string | undefined>>): Environment {
  const present = Object.fromEntries(
    Object.entries(variables).filter(([name, value]) => name.startsWith('CONCLAVE_') && value !== ''),
  );
  const parsed = serviceEnvironment.safeParse(present);
  if (!parsed.success) {
    const wrong = parsed.error.issues.map((issue) => {
      const name = String(issue.path[0]);
      const value = present[name];
      const shown = value === undefined ? 'is not set' : SECRET.has(name) ? 'is not valid' : `is "${value}"`;
      const reason = value === undefined ? '' : ` and ${issue.message}`;
      return `${name} ${shown}${reason}; ${WAY_OUT[name] ?? 'correct it or leave it out'}`;
    });
    throw invalid(wrong.join('. '));
  }
  const set = parsed.data;
  if (!LOOPBACK.has(set.CONCLAVE_HTTP_HOST) && set.CONCLAVE_HTTP_TOKEN === undefined) {
    throw invalid(
      `CONCLAVE_HTTP_HOST is "${set.CONCLAVE_HTTP_HOST}", reachable from other machines, and CONCLAVE_HTTP_TOKEN is not set; set a token or listen on 127.0.0.1`,
    );
  }
  return {
    configPath: set.CONCLAVE_CONFIG,
    instance: set.CONCLAVE_INSTANCE,
    natsUrl: set.CONCLAVE_NATS_URL,
    nkeySeed: set.CONCLAVE_NKEY_FILE === undefined ? undefined : readSeed(set.CONCLAVE_NKEY_FILE),
    keyringFile: set.CONCLAVE_KEYRING_FILE,
    httpPort: set.CONCLAVE_HTTP_PORT,
    httpHost: set.CONCLAVE_HTTP_HOST,
    httpToken: set.CONCLAVE_HTTP_TOKEN,
    dataDir: set.CONCLAVE_DATA_DIR,
    operatorsFile: set.CONCLAVE_OPERATORS_FILE,
    logLevel: set.CONCLAVE_LOG_LEVEL,
    dieWithParent: set.CONCLAVE_DIE_WITH_PARENT === '1',
  };
}

function readSeed(file: string): string {
  let seed: string | undefined;
  try {
    seed = readFileSync(file, 'utf8')
      .split('\n')
      .map((line) => line.trim())
      .find((line) => line.startsWith('SU'));
  } catch (error) {
    throw invalid(
      `CONCLAVE_NKEY_FILE is "${file}", which cannot be read: ${messageOf(error)}; point it to the service's nkey seed`,
    );
  }
  if (seed === undefined)
    throw invalid(
      `CONCLAVE_NKEY_FILE is "${file}", which holds no user seed (SU...); point it to the service's nkey seed`,
    );
  return seed;
}

function invalid(text: string): ConclaveError {
  return new ConclaveError('CVE_ENVIRONMENT_INVALID', text);
}
