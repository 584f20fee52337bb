import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { styleText } from 'node:util';
import type { LoadDriver } from '@conclave/cli';
import { ConclaveError, messageOf } from '@conclave/contracts';
import type { Level } from '@conclave/core';
import { loadConfig, readEnvironment } from '@conclave/service';
import { type Arguments, readArguments, usage } from './arguments.ts';
import { openDotEnv } from './dot-env.ts';
import { type GracefulStop, startGracefulStop } from './graceful-stop.ts';
import { announceSeats, type SeatAnnouncer } from './seat-announcer.ts';
import { type Stack, type StackOptions, type StackProgress, startStack } from './stack.ts';
import { finale } from './story/finale.ts';
import { openScreen } from './story/screen.ts';
import { tellStory } from './story/story.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const usualDataDir = join(root, '.conclave');
/** Two gpu-runners: while one is away the other answers. */
const replicas = { 'gpu-runner': 2 } as const;

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
  const line = lineOf(progress);
  if (line !== undefined) console.log(line);
}

function lineOf(progress: StackProgress): string | undefined {
  switch (progress.kind) {
    case 'nats-ready':
      return `nats-server ready at ${progress.url}`;
    case 'service-ready':
      return `${progress.name} ready at ${progress.url}`;
    case 'port-moved':
      return `port ${progress.kept} of ${progress.name} is in use by another program; it listens on ${progress.port} from now on`;
    case 'store-lost':
      return (
        `This state folder was used before, but its store ${progress.storeDir} is gone: nothing is on record, and the system starts EMPTY. ` +
        'If you have the store elsewhere, stop now (Ctrl-C), put it back and start again.'
      );
    case 'ended':
      return progress.restartInMs === undefined
        ? undefined
        : `${progress.name} ended (${progress.reason}); starting it again in ${progress.restartInMs} ms`;
    default:
      return undefined;
  }
}

function describe(stack: Stack, configFile: string): string {
  return [
    '',
    `Status page   ${stack.urls['metrics-0'] ?? 'not running'}`,
    `Models        ${runnersOf(stack).join(', ')}`,
    `NATS          ${stack.natsUrl}`,
    `Command       ${commandOf(stack)} status`,
    `Config        ${configFile}`,
    `State         ${stack.dataDir}`,
    `Logs          ${join(stack.dataDir, 'logs')}`,
    `Operator      ${stack.credentials.tokenFiles.local}`,
    '',
    'Ctrl-C stops it.',
  ].join('\n');
}

/** How to call the command for this stack. */
function commandOf({ dataDir }: Stack): string {
  return dataDir === usualDataDir ? './conclave' : `./conclave --state ${dataDir}`;
}

function runnersOf({ urls }: Stack): string[] {
  return Object.entries(urls).flatMap(([name, url]) => (name.startsWith('gpu-runner-') ? [url] : []));
}

const SEAT_STYLES: Readonly<Partial<Record<Level, 'green' | 'yellow' | 'red'>>> = {
  good: 'green',
  warn: 'yellow',
  bad: 'red',
};

/** Loud: whoever reads nothing else should see that nothing can advance. */
function printSeats(lines: readonly string[], level: Level): void {
  const [headline = '', ...more] = lines;
  const shown = [level === 'good' ? headline : `! ${headline}`, ...more.map((line) => `    ${line}`)].join('\n');
  console.log(`\n${styleText(SEAT_STYLES[level] ?? 'reset', shown, { stream: process.stdout })}`);
}

/** Without an ending asked for, a story that cannot go on leaves the system running: it may be what the user looks into. */
async function tell(
  stack: Stack,
  given: Arguments,
  seats: SeatAnnouncer,
  stopping: GracefulStop,
  onLoad: (load: LoadDriver) => void,
): Promise<void> {
  const { exitWhen, requestsPerSecond, verbose } = given;
  const screen = openScreen({
    write: (text) => process.stdout.write(text),
    colour: process.stdout.isTTY && !process.env.NO_COLOR,
    verbose,
  });
  const { signal } = stopping;
  try {
    const seating = () => seats.seating;
    const asExpected = await tellStory({ stack, seating, exitWhen, screen, requestsPerSecond, signal, onLoad });
    if (exitWhen !== undefined) process.exitCode = asExpected ? 0 : 1;
    else console.log(finale(stack, commandOf(stack)));
  } catch (error) {
    if (exitWhen !== undefined || signal.aborted) throw error;
    screen.line(`the story ends here: ${messageOf(error)}`, 'bad');
    screen.line('the system runs on');
  }
}

/** What this process was given and its services inherit; the rest they are told by it. @throws CVE_ENVIRONMENT_INVALID */
function checkEnvironment(configFile: string, dataDir: string): void {
  readEnvironment({
    CONCLAVE_HTTP_HOST: process.env.CONCLAVE_HTTP_HOST,
    CONCLAVE_HTTP_TOKEN: process.env.CONCLAVE_HTTP_TOKEN,
    CONCLAVE_CONFIG: configFile,
    CONCLAVE_DATA_DIR: dataDir,
    CONCLAVE_INSTANCE: 'stack',
    CONCLAVE_NATS_URL: 'nats://127.0.0.1',
    CONCLAVE_KEYRING_FILE: 'keyring.json',
    CONCLAVE_HTTP_PORT: '0',
  });
}

async function run(given: Arguments): Promise<void> {
  const stopping = startGracefulStop();
  let load: LoadDriver | undefined;
  let seats: SeatAnnouncer | undefined;
  try {
    const configFile = given.config ?? join(root, 'config', given.bare ? 'without_keys.yaml' : 'demo.yaml');
    const dataDir = given.dataDir ?? usualDataDir;
    const dotEnv = openDotEnv(configFile, root, process.env, (reason) => console.error(reason));
    Object.assign(process.env, dotEnv.env);
    for (const line of dotEnv.lines) console.log(line);
    // Each service reads both itself; a mistake is better told once than five times.
    loadConfig(configFile);
    checkEnvironment(configFile, dataDir);
    const stack = await startStack({
      dataDir,
      configFile,
      nats: natsFrom(process.env),
      ports: 'usual',
      environment: dotEnv.again,
      replicas,
      signal: stopping.signal,
      onProgress: print,
    });
    try {
      console.log(describe(stack, configFile));
      seats = await announceSeats(stack, printSeats);
      if (!given.bare)
        await tell(stack, given, seats, stopping, (driver) => {
          load = driver;
        });
      if (given.bare || given.exitWhen === undefined) await stopping.requested;
    } finally {
      await load?.stop();
      await seats?.stop();
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
}

try {
  const given = readArguments(process.argv.slice(2));
  if (given.help) console.log(usage);
  else await run(given);
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 2;
}
// All has ended. A connection to a server that ended first is tried for ever, and must not keep this process.
process.exit();
