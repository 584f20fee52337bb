import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isConclaveError } from '@conclave/contracts';
import { signalProcess } from './process-group.ts';
import { SERVICE_NAMES } from './services.ts';
import { type Stack, type StackOptions, type StackProgress, startStack } from './stack.ts';
import { writeFakeServices } from './testing/fake-service.ts';
import { NatsWire } from './testing/nats-wire.ts';
import { natsBinary, temporaryDir } from './testing/temporary.ts';
import { waitUntil } from './wait.ts';

const DEADLINE_MS = 20_000;

async function options(context: TestContext): Promise<StackOptions> {
  const directory = await temporaryDir(context);
  const configFile = join(directory, 'conclave.yaml');
  await writeFile(configFile, '{}');
  const servicesDir = await writeFakeServices(join(directory, 'services'), SERVICE_NAMES);
  return { dataDir: join(directory, 'data'), configFile, servicesDir, nats: { binary: natsBinary() } };
}

async function start(context: TestContext, given: StackOptions): Promise<Stack> {
  const stack = await startStack(given);
  context.after(stack.stop);
  return stack;
}

test('starts the server and every service with what it needs to know', async (context) => {
  const given = await options(context);
  const stack = await start(context, { ...given, replicas: { coordinator: 2 }, logLevel: 'debug' });
  assert.deepEqual(Object.keys(stack.urls).sort(), [
    'coordinator-0',
    'coordinator-1',
    'executor-0',
    'gpu-runner-0',
    'metrics-0',
    'planner-0',
  ]);
  const url = stack.urls['coordinator-1'] ?? '';
  const env: Record<string, string> = JSON.parse(await (await fetch(`${url}/env`)).text());
  const expected = {
    CONCLAVE_CONFIG: given.configFile,
    CONCLAVE_INSTANCE: 'coordinator-1',
    CONCLAVE_NATS_URL: stack.natsUrl,
    CONCLAVE_NKEY_FILE: join(stack.dataDir, 'credentials', 'coordinator.nk'),
    CONCLAVE_KEYRING_FILE: join(stack.dataDir, 'credentials', 'keyring.json'),
    CONCLAVE_HTTP_PORT: new URL(url).port,
    CONCLAVE_DATA_DIR: join(stack.dataDir, 'services', 'coordinator-1'),
    CONCLAVE_OPERATORS_FILE: join(stack.dataDir, 'credentials', 'operators.json'),
    CONCLAVE_LOG_LEVEL: 'debug',
    CONCLAVE_DIE_WITH_PARENT: '1',
  };
  assert.deepEqual(Object.fromEntries(Object.keys(expected).map((name) => [name, env[name]])), expected);
  assert.equal(await readFile(join(stack.dataDir, 'logs', 'planner-0.log'), 'utf8'), 'serving as planner-0\n');
});

test('lets a client without credentials hand in documents and nothing else', async (context) => {
  const none = { coordinator: 0, planner: 0, executor: 0, metrics: 0, 'gpu-runner': 0 };
  const stack = await start(context, { ...(await options(context)), replicas: none });
  await using wire = await NatsWire.connect(stack.natsUrl);
  const refusalOf = (subject: string) => wire.refusalOf(`PUB ${subject} 2\r\n{}`);
  for (const subject of ['conclave.handoff', 'conclave.incident', 'conclave.insight', 'conclave.infer.emoji-search']) {
    assert.equal(await refusalOf(subject), undefined, subject);
  }
  for (const subject of [
    'conclave.journal.schedule',
    'conclave.work.meeting',
    'conclave.api.abort',
    '$KV.conclave-leases.coordinator',
    '$JS.API.STREAM.PURGE.CONCLAVE_INBOX',
    '$SRV.PING',
  ]) {
    assert.match((await refusalOf(subject)) ?? '', /Permissions Violation/, subject);
  }
});

test('brings a crashed service back on its port', async (context) => {
  const stack = await start(context, await options(context));
  await fetch(`${stack.urls['planner-0']}/crash`).catch(() => undefined);
  assert.ok(await waitUntil(() => stack.supervisor.process('planner-0').starts === 2, DEADLINE_MS));
  await stack.waitUntilReady('planner-0', DEADLINE_MS);
});

test('brings a killed nats-server back at its address, and says so', async (context) => {
  const none = { coordinator: 0, planner: 0, executor: 0, metrics: 0, 'gpu-runner': 0 };
  const told: StackProgress[] = [];
  const given = await options(context);
  const stack = await start(context, { ...given, replicas: none, onProgress: (progress) => told.push(progress) });
  stack.nats?.kill('SIGKILL');
  assert.ok(await waitUntil(() => told.length >= 3, DEADLINE_MS));
  const ready = { kind: 'nats-ready', url: stack.natsUrl };
  assert.deepEqual(told, [ready, { kind: 'ended', name: 'nats-server', reason: 'SIGKILL', restartInMs: 500 }, ready]);
  await using _wire = await NatsWire.connect(stack.natsUrl);
});

test('leaves nothing running and frees the directory when it stops', async (context) => {
  const given = await options(context);
  const stack = await startStack(given);
  const pids = [stack.nats?.pid, ...stack.supervisor.processes.map(({ pid }) => pid)];
  await stack.stop();
  for (const pid of pids) assert.equal(signalProcess(pid ?? 1, 0), false);
  await start(context, given);
});

test('keeps every address over restarts, and says so when the store was lost in between', async (context) => {
  const told: StackProgress[] = [];
  const given = { ...(await options(context)), onProgress: (progress: StackProgress) => void told.push(progress) };
  const first = await startStack({ ...given, replicas: { 'gpu-runner': 2 } });
  const { natsUrl, urls } = first;
  await first.stop();
  await rm(join(given.dataDir, 'nats'), { recursive: true });
  assert.ok(!told.some(({ kind }) => kind === 'store-lost' || kind === 'port-moved'));
  const again = await start(context, { ...given, replicas: { 'gpu-runner': 2 } });
  assert.deepEqual([again.natsUrl, again.urls], [natsUrl, urls]);
  const storeDir = join(again.dataDir, 'nats', 'store');
  assert.deepEqual(
    told.filter(({ kind }) => kind === 'store-lost' || kind === 'port-moved'),
    [{ kind: 'store-lost', storeDir }],
  );
});

test('refuses a second stack on the same directory, naming the process that has it', async (context) => {
  const given = await options(context);
  await start(context, { ...given, replicas: { planner: 0, executor: 0, metrics: 0, 'gpu-runner': 0 } });
  await assert.rejects(startStack(given), (error) => {
    assert.ok(isConclaveError(error, 'CVE_STACK_LOCKED'));
    assert.match(error.message, new RegExp(`process ${process.pid}`));
    return true;
  });
});

test('says which service did not come up, with the end of its log, and ends what it had started', async (context) => {
  const given = await options(context);
  const broken = join(given.servicesDir ?? '', 'planner', 'src', 'main.ts');
  await writeFile(broken, "console.log('no quorum today'); process.exit(1);");
  await assert.rejects(startStack(given), (error) => {
    assert.ok(isConclaveError(error, 'CVE_STACK_FAILED'));
    assert.match(error.message, /planner-0 ended 4 times without becoming ready[\s\S]*no quorum today/);
    return true;
  });
  await start(context, { ...given, replicas: { planner: 0 } });
});

test('names a configuration file that is not there', async (context) => {
  const given = await options(context);
  await assert.rejects(startStack({ ...given, configFile: '/none.yaml' }), /CVE_CONFIG_UNREADABLE: \/none\.yaml/);
});
