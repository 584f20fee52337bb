import assert from 'node:assert/strict';
import { once } from 'node:events';
import { symlink, writeFile } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isConclaveError } from '@conclave/contracts';
import { type EmbeddedNats, type NatsServerOptions, startNatsServer } from './nats-server.ts';
import { signalProcess } from './process-group.ts';
import { NatsWire } from './testing/nats-wire.ts';
import { natsBinary, temporaryDir } from './testing/temporary.ts';
import { waitUntil } from './wait.ts';

const DEADLINE_MS = 20_000;

async function start(context: TestContext, options: Partial<NatsServerOptions> = {}): Promise<EmbeddedNats> {
  const directory = await temporaryDir(context);
  const server = await startNatsServer({
    binary: natsBinary(),
    storeDir: join(directory, 'store'),
    logFile: join(directory, 'nats.log'),
    port: 0,
    users: {},
    ...options,
  });
  context.after(server.stop);
  return server;
}

function toldTo(told: string[]): NonNullable<NatsServerOptions['keepRunning']> {
  return { onEnded: (reason) => told.push(`ended: ${reason}`), onBack: () => told.push('back') };
}

async function messagesIn(url: string, stream: string): Promise<unknown> {
  await using wire = await NatsWire.connect(url);
  const info = await wire.request(`$JS.API.STREAM.INFO.${stream}`, '');
  return info.state?.messages;
}

for (const how of ['an orderly restart', 'SIGKILL'] as const) {
  test(`streams survive ${how}, on the same port`, async (context) => {
    const server = await start(context);
    {
      await using wire = await NatsWire.connect(server.url);
      await wire.request('$JS.API.STREAM.CREATE.KEPT', JSON.stringify({ name: 'KEPT', subjects: ['kept.>'] }));
      await wire.request('kept.one', 'first');
    }
    const { url, monitorUrl, pid } = server;
    if (how === 'SIGKILL') {
      server.kill('SIGKILL');
      assert.ok(await waitUntil(() => server.pid === undefined, DEADLINE_MS));
    }
    await server.restart();
    assert.deepEqual([server.url, server.monitorUrl], [url, monitorUrl]);
    assert.notEqual(server.pid, pid);
    assert.equal(await messagesIn(url, 'KEPT'), 1);
  });
}

test('a server that is to be kept running comes back after a crash, and not after a stop', async (context) => {
  const told: string[] = [];
  const server = await start(context, { keepRunning: toldTo(told) });
  const pid = server.pid;
  server.kill('SIGKILL');
  assert.ok(await waitUntil(() => told.includes('back'), DEADLINE_MS));
  assert.notEqual(server.pid, pid);
  await using _wire = await NatsWire.connect(server.url);
  await server.stop();
  assert.deepEqual([told, server.pid], [['ended: SIGKILL', 'back'], undefined]);
});

test('a restart on demand and one by itself never make two servers', async (context) => {
  const told: string[] = [];
  const server = await start(context, { keepRunning: toldTo(told) });
  const pid = server.pid;
  server.kill('SIGKILL');
  assert.ok(await waitUntil(() => server.pid !== undefined && server.pid !== pid, DEADLINE_MS, 1));
  await server.restart();
  await using _wire = await NatsWire.connect(server.url);
  assert.deepEqual(told, ['ended: SIGKILL']);
});

test('a server that is stopped while it is being started again is not said to be back', async (context) => {
  const told: string[] = [];
  const stopped = Promise.withResolvers<void>();
  const server = await start(context, {
    keepRunning: {
      // A timer set behind the server's own, for the same moment.
      onEnded: (_reason, restartInMs) =>
        queueMicrotask(() => setTimeout(() => void server.stop().then(stopped.resolve), restartInMs)),
      onBack: () => told.push('back'),
    },
  });
  server.kill('SIGKILL');
  await stopped.promise;
  assert.deepEqual([told, server.pid], [[], undefined]);
});

test('a server under another name is known by its own ports file', async (context) => {
  const binary = join(await temporaryDir(context), 'nats');
  await symlink(natsBinary(), binary);
  await using _wire = await NatsWire.connect((await start(context, { binary })).url);
});

test('a frozen server can be stopped', async (context) => {
  const server = await start(context);
  const pid = server.pid ?? 0;
  server.kill('SIGSTOP');
  await server.stop();
  assert.equal(signalProcess(pid, 0), false);
});

test('a client without credentials may do what the anonymous user may, and no more', async (context) => {
  const publicKey = 'UCNGL4W5QX66CFX6A6DCBVDH5VOHMI7B2UZZU7TXAUQQSI2JPHULCKBR';
  const permissions = { publish: { allow: ['conclave.handoff'] }, subscribe: { allow: ['_INBOX_publisher.>'] } };
  const server = await start(context, {
    users: { publisher: { publicKey, permissions } },
    anonymousUser: 'publisher',
  });
  await using wire = await NatsWire.connect(server.url);
  assert.equal(await wire.refusalOf('PUB conclave.handoff 2\r\n{}'), undefined);
  assert.match(
    (await wire.refusalOf('PUB conclave.journal.schedule 2\r\n{}')) ?? '',
    /Permissions Violation for Publish/,
  );
  assert.match((await wire.refusalOf('SUB conclave.> 9')) ?? '', /Permissions Violation for Subscription/);
});

test('says why a server did not start', async (context) => {
  const occupant = createServer().listen(0, '127.0.0.1');
  context.after(() => occupant.close());
  await once(occupant, 'listening');
  const address = occupant.address();
  const port = address && typeof address !== 'string' ? address.port : 0;
  await assert.rejects(start(context, { port }), (error) => {
    assert.ok(isConclaveError(error, 'CVE_STACK_FAILED'));
    assert.match(error.message, /ended while it was starting[\s\S]*address already in use/);
    return true;
  });
});

test('says that a binary cannot be run', async (context) => {
  const binary = join(await temporaryDir(context), 'nats-server');
  await writeFile(binary, 'not a program', { mode: 0o600 });
  await assert.rejects(start(context, { binary }), /CVE_STACK_FAILED: nats-server .* could not be started/);
});

test('accepts connections on loopback as soon as it is started', async (context) => {
  const { port } = new URL((await start(context)).url);
  const socket = createConnection(Number(port), '127.0.0.1');
  context.after(() => socket.destroy());
  await once(socket, 'connect');
});
