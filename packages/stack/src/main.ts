import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ConclaveError, messageOf } from '@conclave/contracts';
import { startGracefulStop } from './graceful-stop.ts';
import { type Stack, type StackOptions, type StackProgress, startStack } from './stack.ts';

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

const { values } = parseArgs({
  options: {
    'data-dir': { type: 'string', default: join(root, '.conclave') },
    config: { type: 'string', default: join(root, 'config', 'demo.yaml') },
  },
});

const stopping = startGracefulStop();
try {
  const stack = await startStack({
    dataDir: values['data-dir'],
    configFile: values.config,
    nats: natsFrom(process.env),
    ports: 'usual',
    keepsNatsRunning: true,
    signal: stopping.signal,
    onProgress: print,
  });
  console.log(describe(stack));
  await stopping.requested;
  console.log('stopping; Ctrl-C again ends everything at once');
  await stack.stop();
} catch (error) {
  if (!stopping.signal.aborted) {
    console.error(messageOf(error));
    process.exitCode = 1;
  }
} finally {
  stopping.done();
}
