import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { startTestBus, type TestBus, until } from '@conclave/bus/testing';
import { run } from '../program.ts';
import { QUERIES, type StandInRunner, startRunner } from '../testing/runner.ts';

suite('conclave load and infer against a runner', () => {
  let server: TestBus;
  let runner: StandInRunner;
  before(async () => {
    server = await startTestBus();
    Object.assign(process.env, await server.signingFiles(await mkdtemp(join(tmpdir(), 'conclave-keys-'))));
    runner = await startRunner(server.bus, 'vectors');
  });
  after(async () => {
    await runner[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const on = async (...args: string[]) => {
    const out: string[] = [];
    const err: string[] = [];
    const code = await run(['--nats', server.nats.url, ...args], {
      out: (text) => out.push(text),
      err: (text) => err.push(text),
    });
    return { code, out: stripVTControlCharacters(out.join('\n')), err: stripVTControlCharacters(err.join('\n')) };
  };

  test('sends a vector model its own vectors, and says what came of it', async () => {
    const { code, out, err } = await on('load', 'vectors', '--rate', '100', '--duration', '1s', '--json');
    assert.equal(code, 0, err);
    const summary = JSON.parse(out);
    assert.ok(summary.sent >= 90 && summary.sent <= 110, `${summary.sent} sent`);
    assert.deepEqual([summary.answered, summary.failed, summary.withheld], [summary.sent, 0, 0]);
    assert.equal(summary.byVersion['1.0'] + summary.byVersion['1.1'], summary.sent);
    assert.deepEqual(
      summary.split.map(({ version, asked }: { version: string; asked: string }) => `${version} ${asked}`),
      ['1.0 80%', '1.1 20%'],
    );
    assert.ok(summary.split[1].measured > 0.15 && summary.split[1].measured < 0.25);
    assert.ok(summary.latencyMs.p50 <= summary.latencyMs.p95 && summary.latencyMs.p95 <= summary.latencyMs.p99);
    const sent = new Set(runner.asked.map(({ datatype, data }) => `${datatype} ${JSON.stringify(data)}`));
    assert.deepEqual(sent, new Set(QUERIES.map(({ vector }) => `FP32 ${JSON.stringify(vector)}`)));
    assert.match(err, /3 queries of its dataset to vectors, 100 a second/);
  });

  test('ends with code 1 and the last failure when requests fail', async () => {
    runner.status = 500;
    const { code, out, err } = await on('load', 'vectors', '--rate', '20', '--duration', '0.5');
    runner.status = 200;
    assert.equal(code, 1);
    assert.match(out, /requests in 0\.5 s/);
    assert.match(err, /CVE_INFER_FAILED: \d+ of \d+ requests failed; the last one: HTTP 500/);
  });

  test('ends cleanly with its summary at Ctrl-C', async () => {
    const args = ['--nats', server.nats.url, 'load', 'vectors', '--rate', '50'];
    const child = spawn(process.execPath, [join(import.meta.dirname, '../main.ts'), ...args]);
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += String(chunk);
    });
    const before = runner.asked.length;
    await until(() => runner.asked.length > before + 20, 'traffic');
    const ended = once(child, 'exit');
    child.kill('SIGINT');
    assert.deepEqual(await ended, [0, null]);
    assert.match(out, /requests in [\d.]+ s: [\d.]+ of 50 a second\n {2}answers {2}0 failed/);
  });

  const refused: readonly (readonly [string[], RegExp])[] = [
    [['nope', '--rate', '1'], /CVE_MODEL_UNKNOWN: there is no model nope; known: .*vectors/],
    [['vectors', '--rate', 'many'], /--rate is "many"; give requests a second/],
    [['vectors', '--rate', '0'], /--rate is "0"/],
    [['vectors', '--rate', '1', '--duration', 'soon'], /--duration is "soon"; give seconds/],
    [['vectors', '--rate', '1', '--keys', '0'], /--keys is "0"/],
    [['vectors'], /required option '--rate <number>'/],
  ];
  for (const [args, message] of refused)
    test(`load ${args.join(' ')} is refused in clear words`, async () => {
      const { code, err } = await on('load', ...args);
      assert.equal(code, args[0] === 'nope' ? 6 : 2);
      assert.match(err, message);
    });

  test('infer shows the curl command that asks a query of the dataset', async () => {
    const { code, out } = await on('infer', 'vectors', '--query-id', 'q2', '--curl');
    assert.equal(code, 0);
    const body = '{"inputs":[{"name":"query","datatype":"FP32","shape":[1,2],"data":[0,1]}],"parameters":{"k":5}}';
    assert.equal(
      out,
      `curl -s ${runner.url}/v2/models/vectors/infer -H 'content-type: application/json' -H 'x-client-key: me' -d '${body}'`,
    );
  });

  const wrong: readonly (readonly [string[], RegExp])[] = [
    [['nope'], /CVE_MODEL_UNKNOWN: there is no model nope/],
    [['vectors', 'some', 'words'], /vectors 1\.0 takes vectors of 2 numbers, not text; leave it out/],
    [['vectors', '--vector', '[1]'], /takes vectors of 2 numbers, --vector has 1/],
    [['vectors', '--vector', '1,2'], /--vector is "1,2"; give a JSON array/],
    [['vectors', '--query-id', 'q9'], /the dataset has no query q9; it has 3, such as q1, q2, q3/],
  ];
  for (const [args, message] of wrong)
    test(`infer ${args.join(' ')} is refused in clear words`, async () => {
      const { code, err } = await on('infer', ...args);
      assert.equal(code, args[0] === 'nope' ? 6 : 2);
      assert.match(err, message);
    });

  test('a text model is asked texts, and a quote survives the shell', async () => {
    await using _runner = await startRunner(server.bus, 'texts', { datatype: 'BYTES', shape: [-1] });
    const { out } = await on('infer', 'texts', '--query-id', 'q2', '--curl');
    assert.match(out, /"datatype":"BYTES","shape":\[1\],"data":\["dog'\\''s"\]/);
  });
});
