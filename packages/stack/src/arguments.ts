import { parseArgs } from 'node:util';
import { ConclaveError, messageOf } from '@conclave/contracts';

const EXIT_WHEN = ['production', 'refused'] as const;
const maxRequestsPerSecond = 10_000;

export const usage = `usage: npm start -- [options]
  --data-dir <directory>   holds all state; default .conclave in the checkout
  --config <file>          what every service reads; default config/demo.yaml (time compressed, no LLM), or with
                           --bare config/without_keys.yaml (the real pace, no LLM)
  --bare                   start the system only, empty, without the sample model and its story
  --exit-when <ending>     production or refused: end there, with exit code 0 if it came as it should
  --rate <number>          requests a second of the story's traffic; default 60
  --verbose                show routine events too
  --help                   show this`;

/** What `npm start` was asked for. */
export interface Arguments {
  readonly dataDir: string | undefined;
  readonly config: string | undefined;
  readonly exitWhen: (typeof EXIT_WHEN)[number] | undefined;
  readonly requestsPerSecond: number;
  readonly bare: boolean;
  readonly verbose: boolean;
  readonly help: boolean;
}

/** @throws CVE_REQUEST_INVALID naming the option, its value and the way out. */
export function readArguments(args: readonly string[]): Arguments {
  const values = parse(args);
  return {
    dataDir: values['data-dir'],
    config: values.config,
    exitWhen: exitWhenOf(values['exit-when']),
    requestsPerSecond: rateOf(values.rate),
    bare: values.bare,
    verbose: values.verbose,
    help: values.help,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        'data-dir': { type: 'string' },
        config: { type: 'string' },
        'exit-when': { type: 'string' },
        rate: { type: 'string', default: '60' },
        bare: { type: 'boolean', default: false },
        verbose: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    throw new ConclaveError('CVE_REQUEST_INVALID', `${messageOf(error)}; see npm start -- --help`, { cause: error });
  }
}

function exitWhenOf(value: string | undefined): Arguments['exitWhen'] {
  const known = EXIT_WHEN.find((name) => name === value);
  if (known !== undefined || value === undefined) return known;
  throw new ConclaveError(
    'CVE_REQUEST_INVALID',
    `--exit-when is "${value}"; use ${EXIT_WHEN.join(' or ')}, or leave it out`,
  );
}

function rateOf(value: string): number {
  const rate = Number(value);
  if (rate > 0 && rate <= maxRequestsPerSecond) return rate;
  throw new ConclaveError(
    'CVE_REQUEST_INVALID',
    `--rate is "${value}"; give requests a second, more than 0 and at most ${maxRequestsPerSecond}`,
  );
}
