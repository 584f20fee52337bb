import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ConclaveError, sha256 } from '@conclave/contracts';
import { fakeClock, timeLimit } from './clock.ts';
import { readEnvironment } from './environment.ts';
import { parseFaults } from './fault-point.ts';
import { createHealth, receiving } from './health.ts';
import { createLog } from './log.ts';
import { loadOperators } from './operators.ts';
import { redactFields, redactText } from './redact.ts';

const SEED = `SU${'A'.repeat(56)}`;

describe('environment', () => {
  const valid = {
    CONCLAVE_CONFIG: 'config/demo.yaml',
    CONCLAVE_INSTANCE: 'planner-0',
    CONCLAVE_NATS_URL: 'nats://127.0.0.1:4222',
    CONCLAVE_HTTP_PORT: '0',
    CONCLAVE_DATA_DIR: '/tmp/x',
    CONCLAVE_KEYRING_FILE: '/tmp/x/keyring.json',
  };
  it('has defaults for what may be left out', () => {
    const read = readEnvironment({ ...valid, CONCLAVE_HTTP_TOKEN: '', UNRELATED: 'x' });
    assert.equal(read.httpHost, '127.0.0.1');
    assert.equal(read.httpToken, undefined);
    assert.equal(read.logLevel, 'info');
    assert.equal(read.nkeySeed, undefined);
  });
  it('names every wrong variable, its value and the way out', () => {
    const { CONCLAVE_CONFIG: _left, ...rest } = valid;
    assert.throws(
      () => readEnvironment({ ...rest, CONCLAVE_HTTP_PORT: 'http' }),
      /CVE_ENVIRONMENT_INVALID: CONCLAVE_CONFIG is not set; set it to the configuration file, .*CONCLAVE_HTTP_PORT is "http" and .*; set it to a free port/,
    );
  });
  it('never shows a token', () => {
    assert.throws(
      () => readEnvironment({ ...valid, CONCLAVE_HTTP_TOKEN: 'short-one' }),
      (error: unknown) => error instanceof ConclaveError && !error.message.includes('short-one'),
    );
  });
  it('reads the seed from its file', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'conclave-env-'));
    try {
      await writeFile(join(dir, 'planner.nk'), `${SEED}\n`);
      assert.equal(readEnvironment({ ...valid, CONCLAVE_NKEY_FILE: join(dir, 'planner.nk') }).nkeySeed, SEED);
      assert.throws(
        () => readEnvironment({ ...valid, CONCLAVE_NKEY_FILE: join(dir, 'none') }),
        /CONCLAVE_NKEY_FILE is .*cannot be read/,
      );
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});

describe('redaction', () => {
  it('takes out what is named like a secret, at any depth', () => {
    const fields = {
      headers: { Authorization: 'x' },
      list: [{ apiKey: 'a', api_key: 'b' }],
      nkeySeed: 'c',
      password: 'd',
      tokens: 12,
      outputTokens: 5,
    };
    assert.deepEqual(redactFields(fields), {
      headers: { Authorization: '[redacted]' },
      list: [{ apiKey: '[redacted]', api_key: '[redacted]' }],
      nkeySeed: '[redacted]',
      password: '[redacted]',
      tokens: 12,
      outputTokens: 5,
    });
  });
  it('takes out what looks like a secret, in any text', () => {
    const text = `sk-ant-api03-abcdef ${SEED} Bearer abcdef.ghi nats://user:hunter2@host AIza${'b'.repeat(35)}`;
    assert.equal(redactText(text), '[redacted] [redacted] Bearer [redacted] nats://user:[redacted]@host [redacted]');
    assert.equal(
      redactText('a task-force of risk-averse people at 12:30'),
      'a task-force of risk-averse people at 12:30',
    );
  });
  it('reaches errors, their causes and the message of a log line', () => {
    const lines: string[] = [];
    const log = createLog({
      name: 'test',
      instance: 't-0',
      level: 'info',
      destination: { write: (line) => void lines.push(line) },
    });
    log.error(
      { err: new Error(`failed with ${SEED}`, { cause: new Error('sk-abcdefghijkl') }), token: 't' },
      `seed ${SEED}`,
    );
    log.info('plain %s', 'sk-abcdefghijkl');
    const [first = '{}', second = '{}'] = lines;
    assert.ok(!/SUAAA|sk-abc/.test(lines.join()), lines.join());
    assert.equal(JSON.parse(first).msg, 'seed [redacted]');
    assert.equal(JSON.parse(first).err.message, 'failed with [redacted]');
    assert.equal(JSON.parse(second).msg, 'plain [redacted]');
    assert.equal(JSON.parse(second).instance, 't-0');
  });
});

describe('health', () => {
  it('is alive and ready by its checks; a check that throws has failed', () => {
    const health = createHealth();
    assert.equal(health.ready().ok, true);
    health.register('catching up', () => ({ ok: true, ready: false, detail: '' }));
    assert.deepEqual([health.live().ok, health.ready().ok], [true, false]);
    health.register('broken', () => {
      throw new Error('boom');
    });
    assert.equal(health.live().ok, false);
    assert.match(health.live().checks.broken?.detail ?? '', /boom/);
    health.unregister('broken');
    assert.equal(health.live().ok, true);
  });
  it('a receiver must be heard of while NATS is connected', () => {
    const clock = fakeClock();
    const bus = { connected: true };
    const receiver = { lastActivityAt: clock.monotonicMs(), caughtUp: false };
    const check = receiving(bus, receiver, { silenceMs: 500, clock });
    assert.deepEqual([check().ok, check().ready], [true, false]);
    receiver.caughtUp = true;
    assert.deepEqual([check().ok, check().ready], [true, true]);
    receiver.lastActivityAt -= 1000;
    assert.equal(check().ok, true, 'connected only just now');
    clock.advance(501);
    assert.equal(check().ok, false);
    bus.connected = false;
    assert.deepEqual([check().ok, check().ready], [true, false]);
  });
});

describe('operators', () => {
  it('are known by the hash of their token', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'conclave-operators-'));
    try {
      const file = join(dir, 'operators.json');
      await writeFile(file, JSON.stringify([{ name: 'ada', tokenSha256: sha256('secret').slice('sha256:'.length) }]));
      const operators = loadOperators(file);
      assert.equal(operators.identify('secret'), 'ada');
      assert.equal(operators.identify('other'), undefined);
      assert.equal(operators.identify(undefined), undefined);
      assert.equal(loadOperators(undefined).identify('secret'), undefined);
      await writeFile(file, '[{"name":"x"}]');
      assert.throws(() => loadOperators(file), /CVE_CONFIG_INVALID/);
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});

describe('fault points', () => {
  const run = async (fault: string | undefined) => {
    const module = join(import.meta.dirname, 'fault-point.ts');
    const script = `const { faultPoint } = await import(${JSON.stringify(module)}); for (let i = 1; i <= 3; i++) { console.log(i); await faultPoint('before-ack'); }`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      env: { PATH: process.env.PATH, ...(fault === undefined ? {} : { CONCLAVE_FAULT: fault }) },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    const [, signal] = await once(child, 'close');
    return { signal, passed: output.trim().split('\n').length };
  };
  it('do nothing unless asked', async () => {
    assert.deepEqual(await run(undefined), { signal: null, passed: 3 });
    assert.deepEqual(await run('elsewhere=kill'), { signal: null, passed: 3 });
  });
  it('kill at the named passing', async () => {
    assert.deepEqual(await run('before-ack@2=kill'), { signal: 'SIGKILL', passed: 2 });
  });
  it('stall and go on', async () => {
    assert.deepEqual(await run('before-ack=stall:20'), { signal: null, passed: 3 });
  });
  it('must be well written', () => {
    assert.throws(() => parseFaults('before-ack=explode'), /CVE_ENVIRONMENT_INVALID.*before-ack=explode/);
    assert.deepEqual(parseFaults('a@2=kill, b=stall:5'), [
      { name: 'a', nth: 2, act: 'kill', stallMs: 0 },
      { name: 'b', nth: 1, act: 'stall', stallMs: 5 },
    ]);
  });
});

it('a fake clock moves only when told', () => {
  const clock = fakeClock('2026-03-01T00:00:00.000Z');
  clock.advance(1500);
  assert.equal(clock.now().toISOString(), '2026-03-01T00:00:01.500Z');
  assert.equal(clock.monotonicMs(), 1500);
});

it('what falls due while a fake clock is advanced is called in its order, at its time', () => {
  const clock = fakeClock();
  const called: string[] = [];
  const note = (what: string) => () => void called.push(`${what} at ${clock.monotonicMs()}`);
  clock.after(20, note('late'));
  clock.after(10, () => clock.after(5, note('begun on the way')));
  const takeBack = clock.after(10, note('taken back'));
  takeBack();
  clock.advance(19);
  assert.deepEqual(called, ['begun on the way at 15']);
  clock.advance(1);
  assert.deepEqual(called, ['begun on the way at 15', 'late at 20']);
});

it('a time limit is up at its time, at once when there is none left, and never once it was disposed of', () => {
  const clock = fakeClock();
  const limit = timeLimit(clock, 10);
  const left = timeLimit(clock, 10);
  left[Symbol.dispose]();
  clock.advance(10);
  assert.deepEqual(
    [limit, left, timeLimit(clock, 0)].map(({ signal }) => signal.aborted),
    [true, false, true],
  );
});
