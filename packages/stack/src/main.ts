import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ConclaveError, messageOf } from '@conclave/contracts';
import { loadConfig } from '@conclave/service';
import { startGracefulStop } from './graceful-stop.ts';
import { type Stack, type StackOptions, type StackProgress, startStack } from './stack.ts';
import { finale } from './story/finale.ts';
import type { LoadDriver } from './story/load-driver.ts';
import { openScreen } from './story/screen.ts';
import { tellStory } from './story/story.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** NATS_URL names a server that runs elsewhere; else NATS_SERVER_BIN, which the set-up fills in, is started here. */
function natsFrom(env: NodeJS.ProcessEnv): StackOptions['nats'] {
  if (env.NATS_URL) return { url: env.NATS_URL };
  if (env.NATS_SERVER_BIN) return { binary: env.NATS_SERVER_BIN };
  throw new ConclaveError(
    'CVE_SETUP_NATS_MISSING',
    "neither NATS_URL nor NATS_SERVER_BIN is set; start with 'npm start', which finds or fetches a nats-server",
  );
}

function print(progress: StackProgress): void {
  if (progress.kind === 'nats-ready') console.log(`nats-server ready at ${progress.url}`);
  if (progress.kind === 'service-ready') console.log(`${progress.name} ready at ${progress.url}`);
  if (progress.kind === 'ended' && progress.restartInMs !== undefined) {
    console.log(`${progress.name} ended (${progress.reason}); starting it again in ${progress.restartInMs} ms`);
  }
}

function describe(stack: Stack): string {
  return [
    '',
    `Status page   ${stack.urls['metrics-0'] ?? 'not running'}`,
    `NATS          ${stack.natsUrl}`,
    `State         ${stack.dataDir}`,
    `Logs          ${join(stack.dataDir, 'logs')}`,
    `Operator      ${stack.credentials.tokenFiles.local}`,
    '',
    'Ctrl-C stops it.',
  ].join('\n');
}

const EXIT_WHEN = ['production', 'refused'] as const;

function exitWhenOf(value: string | undefined): (typeof EXIT_WHEN)[number] | undefined {
  const known = EXIT_WHEN.find((name) => name === value);
  if (known !== undefined || value === undefined) return known;
  throw new ConclaveError(
    'CVE_ENVIRONMENT_INVALID',
    `--exit-when is "${value}"; use ${EXIT_WHEN.join(' or ')}, or leave it out`,
  );
}

const { values } = parseArgs({
  options: {
    'data-dir': { type: 'string', default: join(root, '.conclave') },
    config: { type: 'string', default: join(root, 'config', 'demo.yaml') },
    /** `production` or `refused`: end there, with exit code 0 if it came as it should. */
    'exit-when': { type: 'string' },
    /** Requests a second of the story's traffic. */
    rate: { type: 'string', default: '60' },
    /** Start the system only, without the sample model. */
    bare: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});

const stopping = startGracefulStop();
let load: LoadDriver | undefined;
try {
  const exitWhen = exitWhenOf(values['exit-when']);
  // Each service reads it itself; a mistake is better told once than five times.
  loadConfig(values.config);
  const stack = await startStack({
    dataDir: values['data-dir'],
    configFile: values.config,
    nats: natsFrom(process.env),
    ports: 'usual',
    signal: stopping.signal,
    onProgress: print,
  });
  try {
    console.log(describe(stack));
    if (!values.bare) {
      const asExpected = await tellStory({
        stack,
        exitWhen,
        screen: openScreen({
          write: (text) => process.stdout.write(text),
          colour: process.stdout.isTTY && !process.env.NO_COLOR,
          verbose: values.verbose,
        }),
        requestsPerSecond: Number(values.rate),
        signal: stopping.signal,
        onLoad: (driver) => {
          load = driver;
        },
      });
      if (exitWhen !== undefined) process.exitCode = asExpected ? 0 : 1;
      else console.log(finale(stack));
    }
    if (values.bare || exitWhen === undefined) await stopping.requested;
  } finally {
    await load?.stop();
    if (stopping.signal.aborted) console.log('stopping; Ctrl-C again ends everything at once');
    await stack.stop();
  }
} catch (error) {
  if (!stopping.signal.aborted) {
    console.error(messageOf(error));
    process.exitCode = 1;
  }
} finally {
  stopping.done();
}
