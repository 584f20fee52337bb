import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { deadLetter, openJournal, serveApi } from '@conclave/bus';
import { startTestBus, type TestBus, until } from '@conclave/bus/testing';
import { aggregates, ConclaveError, DEFAULT_GATES, sha256, subjects, TOKEN_HEADER } from '@conclave/contracts';
import { readSettings } from './connect.ts';
import { run } from './program.ts';

async function conclave(...args: string[]): Promise<{ code: 0 | 1; out: string; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await run(args, { out: (text) => out.push(text), err: (text) => err.push(text) });
  return { code, out: stripVTControlCharacters(out.join('\n')), err: err.join('\n') };
}

suite('the conclave command against a real server', () => {
  let server: TestBus;
  const MODEL = 'emoji-search';
  const digest = sha256('1.1');
  const at = new Date().toISOString();
  let ids = 0;
  const event = (type: string, data: unknown) => ({ id: `e-${++ids}`, type, at, data });

  before(async () => {
    server = await startTestBus();
    process.env.CONCLAVE_OPERATOR_TOKEN = 'the-operators-token';
    const journal = openJournal(server.bus, { by: 'test' });
    const stages = [
      { name: 'shadow', soakSeconds: 3600 },
      { name: 'production', soakSeconds: 3600 },
    ];
    const gates = DEFAULT_GATES.slice(0, 2);
    const definition = {
      name: 'r',
      model: MODEL,
      version: '1.1',
      digest,
      datasetName: 'emoji',
      dataset: digest,
      authority: 'act',
      stages,
      gates,
    };
    await journal.append(aggregates.rollouts(MODEL), 'any', [
      event('rollout.adopted', { model: MODEL, version: '1.0', digest: sha256('1.0'), dataset: digest, by: 'ada' }),
      event('rollout.applied', { rolloutId: 'r-1', definition, by: 'ada' }),
      event('rollout.stage_entered', {
        rolloutId: 'r-1',
        stage: 'shadow',
        stageEpoch: 1,
        share: 0,
        requestedBy: 'ops_commander',
      }),
    ]);
  });

  after(async () => {
    delete process.env.CONCLAVE_OPERATOR_TOKEN;
    await server[Symbol.asyncDispose]();
  });

  const on = (...args: string[]) => conclave('--nats', server.nats.url, ...args);

  test('status shows what serves and what is rolled out', async () => {
    const { code, out } = await on('status');
    assert.equal(code, 0);
    assert.match(out, /emoji-search {2}stable 1\.0\n {2}candidate {2}1\.1/);
    assert.match(out, /\[shadow\] > production {2}epoch 1/);
  });

  test('status --json is the state as JSON', async () => {
    const { out } = await on('status', '--json');
    assert.equal(JSON.parse(out).rollouts[MODEL].current.rolloutId, 'r-1');
  });

  test('explain lists each gate and what is missing', async () => {
    const { out } = await on('explain', MODEL);
    assert.match(out, /· ndcg@10 not measured in this stage/);
    assert.match(out, /Missing for production\n {2}- the runners are not ready to serve /);
  });

  test('explain of an unknown model names those that exist, in one line', async () => {
    const { code, err } = await on('explain', 'nope');
    assert.deepEqual([code, err], [1, 'CVE_ROLLOUT_UNKNOWN: nothing is on record about "nope"; known: emoji-search']);
  });

  test('history lists the commits as sentences, oldest first', async () => {
    const { out } = await on('history', MODEL);
    assert.match(out.split('\n')[0] ?? '', /^#1 .*\+ emoji-search 1\.0 .* adopted as stable by ada$/);
  });

  test('an operator verb carries the token, and the answer of the coordinator is shown', async () => {
    const tokens: (string | undefined)[] = [];
    const api = serveApi(server.bus, { name: 'stand-in', version: '0.0.1', description: 'answers abort and pause' });
    api.endpoint('abort', subjects.api('abort'), async (request) => {
      tokens.push(request.header(TOKEN_HEADER));
      return { outcome: 'rolled_back', rolloutId: 'r-1', serving: '1.0' };
    });
    api.endpoint('pause', subjects.api('pause'), async () => {
      throw new ConclaveError('CVE_UNAUTHORIZED', 'the token given for pause is no operator');
    });
    const aborted = await until(async () => {
      const answer = await on('abort', MODEL, '--reason', 'test');
      return answer.code === 0 ? answer : undefined;
    }, 'the stand-in answers');
    assert.equal(aborted.out, '✓ r-1 rolled back; 1.0 serves alone');
    assert.equal(tokens.at(-1), 'the-operators-token');
    const refused = await on('pause', MODEL, '--reason', 'test');
    assert.deepEqual([refused.code, refused.err], [1, 'CVE_UNAUTHORIZED: the token given for pause is no operator']);
    await api.stop();
  });

  test('dead letters are listed with subject and reason', async () => {
    const reason = new ConclaveError('CVE_HANDOFF_INVALID', 'count is 2 but there is 1 action');
    await deadLetter(server.bus, {
      subject: subjects.handoff,
      bytes: new TextEncoder().encode('{}'),
      reason,
      by: 'coordinator-0',
    });
    const { out } = await on('dlq', 'list');
    assert.match(out, /conclave\.handoff {2}2 bytes, refused by coordinator-0\n {4}CVE_HANDOFF_INVALID: count is 2/);
    assert.equal(JSON.parse((await on('dlq', 'list', '--json')).out)[0].content, '{}');
  });
});

suite('the conclave command without a server', () => {
  const dir = mkdtempSync(join(tmpdir(), 'conclave-cli-'));
  after(() => rmSync(dir, { recursive: true }));

  const errors: readonly (readonly [name: string, args: readonly string[], line: RegExp])[] = [
    ['an unknown verb', ['frobnicate'], /^CVE_REQUEST_INVALID: unknown command 'frobnicate'.*see conclave --help$/],
    ['a missing reason', ['abort', 'm'], /^CVE_REQUEST_INVALID: required option '--reason <text>' not specified/],
    [
      'a bundle that is not there',
      ['model', 'push', join(dir, 'none')],
      /^CVE_BUNDLE_INVALID: \S*none is no folder; name the folder/,
    ],
    [
      'a definition that is not there',
      ['apply', '-f', join(dir, 'none.yaml')],
      /^CVE_ROLLOUT_INVALID: \S*none\.yaml cannot be read as YAML: ENOENT/,
    ],
    [
      'a handoff that is no JSON',
      ['handoff', join(dir, 'broken.json')],
      /^CVE_HANDOFF_INVALID: \S*broken\.json cannot be read as JSON/,
    ],
    ['an unknown severity', ['incident', 'open', 'Hot', '--severity', 'P9'], /^CVE_INCIDENT_INVALID: .*severity/],
    [
      'a limit that is no number',
      ['dlq', 'list', '--limit', 'all'],
      /^CVE_REQUEST_INVALID: --limit is "all"; give a whole number/,
    ],
  ];
  for (const [name, args, line] of errors) {
    test(`${name} is one line on standard error and exit code 1`, async () => {
      writeFileSync(join(dir, 'broken.json'), '{');
      const { code, out, err } = await conclave(...args);
      assert.deepEqual([code, out], [1, '']);
      assert.match(err, line);
      assert.equal(err.split('\n').length, 1);
    });
  }

  test('a definition names the field that is wrong and its value', async () => {
    const file = join(dir, 'wrong.yaml');
    writeFileSync(
      file,
      'apiVersion: conclave/v1\nkind: ModelRollout\nmetadata: { name: x }\nspec: { model: x, version: "1", dataset: d, authority: obey }\n',
    );
    const { err } = await conclave('apply', '-f', file);
    assert.match(err, /^CVE_ROLLOUT_INVALID: \S*wrong\.yaml: spec\.authority: .*\(got "obey"\)/);
  });

  test('the settings come from the local stack when the environment is silent', () => {
    const options = { nats: 'nats://127.0.0.1:1' };
    assert.deepEqual(readSettings(options, {}, dir).natsUrl, options.nats);
    assert.equal(readSettings({}, { CONCLAVE_NATS_URL: 'nats://other:4222' }, dir).natsUrl, 'nats://other:4222');
  });
});
