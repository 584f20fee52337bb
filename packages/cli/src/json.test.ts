import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { openArtifacts, serveApi } from '@conclave/bus';
import { startTestBus, type TestBus } from '@conclave/bus/testing';
import { API, sha256, subjects } from '@conclave/contracts';
import type { Command } from 'commander';
import { startAnswering } from './answers.ts';
import { createProgram, run } from './program.ts';
import { standInSeats } from './testing/seats.ts';
import { standInRunner } from './testing/stand-in-runner.ts';
import { oneOfEverything, record } from './testing/write-events.ts';

const EXAMPLE = resolve(import.meta.dirname, '../../../examples/emoji-search');
const folder = mkdtempSync(join(tmpdir(), 'conclave-json-'));
const plan = join(folder, 'plan.json');
const wait = ['--reason', 'because'];

/** A command line of each verb that succeeds on the system below. A new verb needs one. */
const LINES: Readonly<Record<string, readonly string[]>> = {
  status: [],
  explain: ['emoji-search'],
  history: ['emoji-search'],
  'model push': [join(EXAMPLE, 'bundles/0.9')],
  'dataset push': [join(EXAMPLE, 'dataset')],
  apply: ['-f', join(EXAMPLE, 'rollouts/1.0.yaml'), '--dry-run'],
  adopt: ['emoji-search', '1.0', '--dataset', 'emoji'],
  abort: ['emoji-search', ...wait],
  revert: ['emoji-search', ...wait],
  approve: ['emoji-search', ...wait],
  reject: ['emoji-search', ...wait],
  pause: ['emoji-search', ...wait],
  resume: ['emoji-search', ...wait],
  override: ['emoji-search', 'ndcg@10', ...wait],
  convene: [],
  forget: ['emoji-search', ...wait],
  handoff: [plan],
  'model list': [],
  'model show': ['emoji-search'],
  'dataset list': [],
  'dataset show': ['emoji'],
  'meeting list': [],
  'meeting show': ['meeting-1', '--transcript'],
  'action list': [],
  'action show': ['meeting-1:1'],
  'incident open': ['It melts', '--severity', 'P1'],
  'incident resolve': ['i-1', ...wait],
  'dlq list': [],
  infer: ['emoji-search', 'cat'],
  doctor: ['--config', resolve(EXAMPLE, '../../config/without_keys.yaml')],
  load: ['emoji-search', '--rate', '20', '--duration', '1s'],
};

/** Verbs that answer without a system. */
const WITHOUT_SYSTEM: ReadonlySet<string> = new Set(['doctor']);

/** What the coordinator and a runner answer. */
const ANSWERS: Readonly<Record<string, unknown>> = {
  abort: { outcome: 'rolled_back', rolloutId: 'r-1', serving: '1.0' },
  revert: { outcome: 'rolled_back', rolloutId: 'r-1', serving: '0.9' },
  convene: { called: true },
  handoff: { planId: 'p', accepted: 'taken_in', actions: 1 },
  open_incident: { incidentId: 'i-1', severity: 'P1', model: null, doubts: [] },
  status: { soakSeconds: 10 },
  apply: { changed: true, outcome: 'opened', detail: '', rolloutId: 'r-1' },
};

function verbsOf(command: Command, path: readonly string[] = []): string[] {
  return command.commands.flatMap((verb) =>
    verb.commands.length > 0 ? verbsOf(verb, [...path, verb.name()]) : [[...path, verb.name()].join(' ')],
  );
}

const silent = { out: () => undefined, err: () => undefined };
const verbs = verbsOf(createProgram(silent, startAnswering(silent, false)));

suite('--json', () => {
  let server: TestBus;
  let stopRunner: () => Promise<void>;
  let stopSeats: () => Promise<void>;
  before(async () => {
    server = await startTestBus();
    Object.assign(process.env, await server.signingFiles(folder));
    const { digest } = await openArtifacts(server.bus).pushDirectory(join(EXAMPLE, 'dataset'), 'dataset');
    await record(server.bus, oneOfEverything(digest));
    const action = { id: 1, action: 'look', owner: 'ops_commander', priority: 'high' };
    writeFileSync(
      plan,
      JSON.stringify({ timestamp: new Date().toISOString(), meeting_id: 'p', actions: [action], count: 1 }),
    );
    const api = serveApi(server.bus, {
      name: 'conclave-coordinator',
      version: '0.0.1',
      description: 'answers every verb',
    });
    for (const verb of Object.keys(API))
      api.endpoint(verb, subjects.api(verb), async () => ANSWERS[verb] ?? { changed: true });
    await api.ready();
    stopSeats = await standInSeats(server.bus);
    stopRunner = await standInRunner(server.bus, sha256('1.0'), digest);
  });
  after(async () => {
    rmSync(folder, { recursive: true });
    await stopRunner();
    await stopSeats();
    await server[Symbol.asyncDispose]();
  });

  const json = async (...args: readonly string[]) => {
    const out: string[] = [];
    const err: string[] = [];
    const code = await run(args, { out: (text) => out.push(text), err: (text) => err.push(text) });
    return { code, document: JSON.parse(out.join('\n')), err: err.join('\n') };
  };

  for (const verb of verbs) {
    test(`${verb} answers with one JSON object`, async () => {
      const line = LINES[verb];
      assert.ok(line !== undefined, `give ${verb} a command line in LINES`);
      const { code, document, err } = await json(...verb.split(' '), ...line, '--json', '--nats', server.nats.url);
      assert.deepEqual([code, err.match(/CVE_.*/)], [0, null], err);
      assert.ok(typeof document === 'object' && document !== null && !Array.isArray(document));
      assert.ok(Object.keys(document).length > 0);
    });
  }

  test('every verb answers with the error when it cannot begin', async (t) => {
    process.env.CONCLAVE_NKEY_FILE = join(folder, 'none');
    t.after(() => delete process.env.CONCLAVE_NKEY_FILE);
    for (const verb of verbs.filter((name) => !WITHOUT_SYSTEM.has(name))) {
      const { code, document } = await json(
        '--json',
        '--nats',
        server.nats.url,
        ...verb.split(' '),
        ...(LINES[verb] ?? []),
      );
      const { message, ...error } = document.error;
      assert.deepEqual([verb, code, error], [verb, 2, { code: 'CVE_ENVIRONMENT_INVALID', retry: 'terminal' }]);
      assert.match(message, /^the credential file /);
    }
  });

  test('where nothing can be reached the exit code says so', async () => {
    const main = join(import.meta.dirname, 'main.ts');
    const child = spawn(process.execPath, [main, 'status', '--json', '--nats', 'nats://127.0.0.1:1']);
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += String(chunk);
    });
    assert.equal((await once(child, 'close'))[0], 3);
    assert.equal(JSON.parse(out).error.code, 'CVE_BUS_UNAVAILABLE');
  });

  test('a wrong command line is an error document too', async () => {
    const { code, document } = await json('frobnicate', '--json');
    assert.deepEqual([code, document.error.code, document.error.retry], [2, 'CVE_REQUEST_INVALID', 'terminal']);
    assert.match(document.error.message, /^unknown command 'frobnicate'/);
  });

  test('--version is that of the checkout', async () => {
    const { code, document } = await json('--version', '--json');
    assert.equal(code, 0);
    assert.match(document.version, /^\d+\.\d+\.\d+/);
  });
});
