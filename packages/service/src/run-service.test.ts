import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { freePort, startNats, startTestBus, type TestBus, until } from '@conclave/bus/testing';

interface Probe {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly url: string;
  output(): string;
  lines(): { level: string; msg: string }[];
  exited(): Promise<number | null>;
}

describe('runService', () => {
  let test: TestBus;
  let dir: string;
  const children: Probe[] = [];
  before(async () => {
    test = await startTestBus();
    dir = await mkdtemp(join(tmpdir(), 'conclave-service-'));
    await writeFile(join(dir, 'config.yaml'), '{}\n');
    await writeFile(join(dir, 'operators.json'), JSON.stringify([{ name: 'local', tokenSha256: 'a'.repeat(64) }]));
  });
  after(async () => {
    for (const { child } of children) child.kill('SIGKILL');
    await test[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  });

  const run = async (environment: Record<string, string> = {}): Promise<Probe> => {
    const port = await freePort();
    const child = spawn(process.execPath, [join(import.meta.dirname, 'testing/probe-service.ts')], {
      env: {
        PATH: process.env.PATH,
        CONCLAVE_CONFIG: join(dir, 'config.yaml'),
        CONCLAVE_INSTANCE: 'probe-0',
        CONCLAVE_NATS_URL: test.nats.url,
        ...(await test.signingFiles(dir, 'planner')),
        CONCLAVE_HTTP_PORT: String(port),
        CONCLAVE_DATA_DIR: join(dir, 'data'),
        CONCLAVE_OPERATORS_FILE: join(dir, 'operators.json'),
        ...environment,
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    // Not `exit`: what it said last may still be on its way then.
    const closed = once(child, 'close');
    const probe: Probe = {
      child,
      url: `http://127.0.0.1:${port}`,
      output: () => output,
      lines: () =>
        output
          .split('\n')
          .filter((line) => line.startsWith('{'))
          .map((line) => JSON.parse(line)),
      exited: async () => (await closed)[0],
    };
    children.push(probe);
    return probe;
  };
  const status = async (url: string, headers: Record<string, string> = {}): Promise<number> =>
    await fetch(url, { headers }).then(
      (response) => response.status,
      () => 0,
    );
  const ready = async (probe: Probe): Promise<unknown> =>
    await until(async () => {
      assert.equal(probe.child.exitCode, null, probe.output());
      return (await status(`${probe.url}/readyz`)) === 200;
    }, 'ready');

  it('starts, answers, hides secrets and stops cleanly', async () => {
    const probe = await run();
    await ready(probe);
    assert.equal(await status(`${probe.url}/healthz`), 200);
    assert.deepEqual(await (await fetch(`${probe.url}/probe`)).json(), { instance: 'probe-0', operators: ['local'] });
    assert.match(await (await fetch(`${probe.url}/metrics`)).text(), /conclave_nats_connected\{.*\} 1/);
    probe.child.kill('SIGTERM');
    assert.equal(await probe.exited(), 0, probe.output());
    assert.ok(!/very-secret|sk-abc/.test(probe.output()), probe.output());
    assert.ok(probe.lines().some((line) => line.msg === 'probe says [redacted]'));
  });

  it('cannot record what no reader could read', async () => {
    const probe = await run();
    await ready(probe);
    const answer = await (await fetch(`${probe.url}/misrecord`)).text();
    assert.match(answer, /CVE_MESSAGE_MALFORMED: event meeting\.adjourned does not belong into meetings/);
    probe.child.kill('SIGTERM');
    assert.equal(await probe.exited(), 0, probe.output());
  });

  it('is alive but not ready while NATS is away, and ready again afterwards', async () => {
    const probe = await run();
    await ready(probe);
    await test.nats.kill();
    await until(async () => (await status(`${probe.url}/readyz`)) === 503, 'not ready');
    assert.equal(await status(`${probe.url}/healthz`), 200);
    await test.nats.restart();
    await ready(probe);
    probe.child.kill('SIGTERM');
    assert.equal(await probe.exited(), 0);
  });

  it('answers health while it waits for NATS, and can be stopped there', async () => {
    const probe = await run({ CONCLAVE_NATS_URL: `nats://127.0.0.1:${await freePort()}` });
    await until(async () => (await status(`${probe.url}/healthz`)) === 200, 'alive');
    assert.equal(await status(`${probe.url}/readyz`), 503);
    assert.equal(await status(`${probe.url}/probe`), 503);
    probe.child.kill('SIGTERM');
    assert.equal(await probe.exited(), 0, probe.output());
  });

  it('waits for the streams, and can be stopped there', async () => {
    const nats = await startNats();
    try {
      const probe = await run({ CONCLAVE_NATS_URL: nats.url });
      await until(
        async () =>
          /"connected to/.test(
            await fetch(`${probe.url}/readyz`).then(
              (r) => r.text(),
              () => '',
            ),
          ),
        'connected',
      );
      assert.equal(await status(`${probe.url}/readyz`), 503);
      probe.child.kill('SIGINT');
      assert.equal(await probe.exited(), 0, probe.output());
    } finally {
      await nats.stop();
    }
  });

  it('needs the token where one is set, except for health', async () => {
    const probe = await run({ CONCLAVE_HTTP_HOST: '0.0.0.0', CONCLAVE_HTTP_TOKEN: 'a-long-enough-token' });
    await ready(probe);
    assert.equal(await status(`${probe.url}/probe`), 401);
    assert.equal(await status(`${probe.url}/metrics`, { authorization: 'Bearer wrong' }), 401);
    assert.equal(await status(`${probe.url}/probe`, { authorization: 'Bearer a-long-enough-token' }), 200);
    probe.child.kill('SIGTERM');
    assert.equal(await probe.exited(), 0);
  });

  it('names what is wrong with its environment', async () => {
    const probe = await run({ CONCLAVE_HTTP_HOST: '0.0.0.0' });
    assert.equal(await probe.exited(), 1);
    assert.match(probe.output(), /CVE_ENVIRONMENT_INVALID.*CONCLAVE_HTTP_TOKEN is not set/);
  });

  it('exits with 1 on a rejection that nobody catches', async () => {
    const probe = await run();
    await ready(probe);
    await status(`${probe.url}/reject`);
    assert.equal(await probe.exited(), 1);
    assert.ok(probe.lines().some((line) => line.level === 'fatal'));
  });

  it('exits with 1 when it does not stop in time', async () => {
    const probe = await run({ PROBE_STOP: 'never' });
    await ready(probe);
    probe.child.kill('SIGTERM');
    assert.equal(await probe.exited(), 1);
  });

  it('dies with its parent', async () => {
    const probe = await run({ CONCLAVE_DIE_WITH_PARENT: '1' });
    await ready(probe);
    probe.child.stdin.end();
    assert.equal(await probe.exited(), 0);
  });
});
