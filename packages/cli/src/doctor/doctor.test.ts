import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { serveApi } from '@conclave/bus';
import { freePort, startTestBus } from '@conclave/bus/testing';
import { EXECUTIVE_ROLES, PLANNING_ROLES, sha256, subjects } from '@conclave/contracts';
import { doctorText } from '../output/doctor.ts';
import { run } from '../program.ts';
import { standInSeats } from '../testing/seats.ts';
import { standInRunner } from '../testing/stand-in-runner.ts';
import type { Check } from './check.ts';
import { type ExamineOptions, examine } from './examine.ts';

const SECRET = 'sk-secret-that-nobody-may-see';
const PATH = process.env.PATH ?? '';

/** A folder of one's own with a configuration, nothing of this machine but the PATH. */
function folder(
  t: TestContext,
  config: string,
  dotEnv?: string,
): { dir: string; look: (more?: ExamineOptions) => Promise<Table> } {
  const dir = mkdtempSync(join(tmpdir(), 'conclave-doctor-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  mkdirSync(join(dir, '.conclave'));
  writeFileSync(join(dir, 'prompt.md'), 'You advise.');
  writeFileSync(join(dir, 'own.yaml'), config);
  if (dotEnv !== undefined) writeFileSync(join(dir, '.env'), dotEnv, { mode: 0o600 });
  const look = async (more: ExamineOptions = {}): Promise<Table> => {
    const examination = await examine({ config: 'own.yaml', cwd: dir, env: { PATH }, localServers: [], ...more });
    const row = (name: string, group?: Check['group']): Check => {
      const found = examination.checks.find(
        (check) => check.name === name && (group === undefined || check.group === group),
      );
      return found ?? assert.fail(`no row ${name} among ${examination.checks.map((check) => check.name).join(', ')}`);
    };
    return { row, checks: examination.checks, text: stripVTControlCharacters(doctorText(examination, 80)) };
  };
  return { dir, look };
}

interface Table {
  readonly checks: readonly Check[];
  readonly text: string;
  row(name: string, group?: Check['group']): Check;
}

/** A server that answers every request alike. @returns its base URL */
async function standIn(t: TestContext, status: number, body: object): Promise<string> {
  const server = createServer((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `http://127.0.0.1:${Object(server.address()).port}`;
}

/** All chairs alike, as YAML. */
function chairs(chair: string, more = ''): string {
  const team = (name: string, roles: readonly string[]): string =>
    `${name}:\n${roles.map((role) => `  ${role}: ${chair}`).join('\n')}\n`;
  return team('planningTeam', PLANNING_ROLES) + team('executiveTeam', EXECUTIVE_ROLES) + more;
}

suite('conclave doctor', () => {
  test('without a language model no key is needed, and nothing is complained of', async (t) => {
    const { look } = folder(t, chairs('{ adapter: rules }'));
    const { row, checks } = await look();
    assert.deepEqual(
      checks.filter(({ state }) => state === 'problem'),
      [],
    );
    assert.match(row('API keys').detail, /^none is needed: every chair speaks by rules, which is no language model$/);
    assert.match(row('quorum').detail, /^6 of 6 can vote, 4 ballots needed$/);
    assert.equal(row('running').state, 'ok');
    for (const name of ['Node', 'nats-server', 'python3', 'state folder', 'open files']) assert.ok(row(name).detail);
    const withKey = await look({ env: { PATH, OPENAI_API_KEY: SECRET } });
    assert.match(withKey.row('API keys').detail, /OPENAI_API_KEY is set and not used$/);
  });

  test('a key from .env is asked about, accepted or refused, and never shown', async (t) => {
    const list = { data: [{ id: 'gpt-6.1-sol' }, { id: 'gpt-9', shutdown_date: '2999-01-31' }] };
    const accepting = await standIn(t, 200, list);
    const refusing = await standIn(t, 401, { error: { message: `bad ${SECRET}` } });
    const chair = (url: string, model = 'gpt'): string =>
      `{ adapter: openai, model: ${model}, baseUrl: "${url}/v1", apiKeyEnv: MY_KEY, prompt: prompt.md }`;

    const good = folder(t, chairs(chair(accepting)), `MY_KEY=${SECRET}\n`);
    const seated = await good.look();
    assert.equal(seated.row('MY_KEY').state, 'ok');
    assert.match(
      seated.row('MY_KEY').detail,
      /^set in \.env; openai at http.* answers, accepts it and lists 2 models$/,
    );
    assert.match(seated.row('critic').detail, /^gpt-6\.1-sol at http.*, no end announced; no substitute$/);
    assert.equal(seated.row('quorum').state, 'ok');

    const dated = folder(t, chairs(chair(accepting, 'gpt-9')), `MY_KEY=${SECRET}\n`);
    assert.match((await dated.look()).row('critic').detail, /^gpt-9 at http.*, alive until 2999-01-31/);

    const bad = folder(t, chairs(chair(refusing)));
    const refused = await bad.look({ env: { PATH, MY_KEY: SECRET } });
    assert.deepEqual([refused.row('MY_KEY').state, refused.row('critic').state], ['problem', 'problem']);
    assert.match(refused.row('MY_KEY').detail, /^set in the environment; openai at http.* answers and refuses it$/);
    assert.match(refused.row('quorum').detail, /no meeting can decide, no model advances: 0 of 6 can vote/);
    for (const { text } of [seated, refused]) assert.ok(!text.includes(SECRET));
  });

  test('a vendor that cannot be reached, and one without a key, are told apart', async (t) => {
    const substitutes = '[{ adapter: anthropic, model: claude-sonnet }]';
    const chair = `{ adapter: openai, model: gpt, baseUrl: "http://127.0.0.1:${await freePort()}/v1", apiKeyEnv: MY_KEY, substitutes: ${substitutes}, prompt: prompt.md }`;
    const { look } = folder(t, chairs(chair));
    const { row } = await look({ env: { PATH, MY_KEY: SECRET } });
    assert.equal(row('MY_KEY').state, 'problem');
    assert.match(row('MY_KEY').detail, /^set in the environment; .*cannot be reached \(ECONNREFUSED\)$/);
    assert.equal(row('ANTHROPIC_API_KEY').state, 'warning');
    assert.match(row('ANTHROPIC_API_KEY').todo, /^put ANTHROPIC_API_KEY=\.\.\. into \.env/);
    assert.equal(row('quorum').state, 'warning');
    const none = await look();
    assert.deepEqual([none.row('critic').state, none.row('critic').detail], ['problem', 'absent: no key is set']);
    assert.equal(none.row('critic').todo, 'set ANTHROPIC_API_KEY or MY_KEY');
  });

  test('a chair on a substitute says why, and a prompt that cannot be read leaves a chair empty', async (t) => {
    const url = await standIn(t, 200, { data: [{ id: 'qwen3' }] });
    const own = `{ adapter: openai, model: qwen3, baseUrl: "${url}/v1" }`;
    const config = chairs(
      `{ adapter: anthropic, model: claude-opus, substitutes: [${own}], prompt: prompt.md }`,
    ).replace(/critic: .*/, `critic: { adapter: openai, model: qwen3, baseUrl: "${url}/v1", prompt: gone.md }`);
    const { row } = await folder(t, config).look();
    assert.equal(row('moderator').state, 'warning');
    assert.match(row('moderator').detail, /^qwen3 at http.*; in place of claude-opus: ANTHROPIC_API_KEY is not set$/);
    assert.equal(row('own server').state, 'ok');
    assert.match(row('critic').detail, /^absent: its prompt .*gone\.md cannot be read$/);
    assert.equal(row('critic').todo, 'correct planningTeam.critic.prompt');
  });

  test('a system that the environment names and nobody answers for is a problem, none at all is not', async (t) => {
    const { look, dir } = folder(t, chairs('{ adapter: rules }'));
    assert.deepEqual(
      [(await look()).row('running').state, (await look()).row('running').todo],
      ['ok', 'start one: npm start'],
    );
    const away = await look({ nats: `nats://127.0.0.1:${await freePort()}` });
    assert.equal(away.row('running').state, 'problem');
    const noFile = await look({ nats: 'nats://127.0.0.1:1', env: { PATH, CONCLAVE_NKEY_FILE: join(dir, 'none') } });
    assert.match(noFile.row('running').detail, /^the credential file .* cannot be read$/);
    const stack = { natsUrl: `nats://127.0.0.1:${await freePort()}`, urls: {} };
    writeFileSync(join(dir, '.conclave', 'stack.json'), JSON.stringify(stack));
    assert.match((await look()).row('running').detail, /did not end in order$/);
  });

  test('what is broken is a row, and the rest is looked at all the same', async (t) => {
    const { look, dir } = folder(t, 'meeting: { quorum: 99 }', 'OPENAI_API_KEY\n');
    const { row } = await look();
    assert.match(row('.env').detail, /\.env, line 1, is no NAME=value$/);
    assert.equal(row('configuration').state, 'problem');
    assert.match(row('configuration').detail, /quorum/);
    assert.ok(row('Node').detail);
    writeFileSync(join(dir, '.env'), 'OPENAI_API_KEY=x\n');
    chmodSync(join(dir, '.env'), 0o644);
    assert.match((await look()).row('.env').todo, /^chmod 600 /);
  });

  test('tools of the machine that are missing or too old say what to do', async (t) => {
    const { look, dir } = folder(t, 'executor: { python: no-such-python, scriptRoots: [.] }');
    const old = join(dir, 'nats-server');
    writeFileSync(old, '#!/bin/sh\necho nats-server: v2.9.1\n', { mode: 0o755 });
    const { row } = await look({ env: { PATH, NATS_SERVER_BIN: old } });
    assert.deepEqual([row('python3').state, row('nats-server').state], ['warning', 'problem']);
    assert.match(row('nats-server').detail, /2\.9\.1/);
    const elsewhere = await look({ env: { PATH, NATS_URL: 'nats://me:secret@nats.example:4222' } });
    assert.match(elsewhere.row('nats-server').detail, /nats:\/\/me:\*\*\*@nats\.example/);
  });

  test('servers of language models on this machine are found, with the line that seats one', async (t) => {
    const baseUrl = `${await standIn(t, 200, { data: [{ id: 'qwen3:32b' }] })}/v1`;
    const other = `${await standIn(t, 200, { hello: 'world' })}/v1`;
    const { look } = folder(t, chairs('{ adapter: rules }'));
    const localServers = [
      { name: 'Ollama', baseUrl },
      { name: 'vLLM', baseUrl: other },
    ];
    const { row, checks } = await look({ localServers });
    assert.equal(row('Ollama').detail, `${baseUrl} serves qwen3:32b`);
    assert.ok(
      row('Ollama').todo.includes(`{ adapter: openai, baseUrl: "${baseUrl}", model: "qwen3:32b", prompt: ... }`),
    );
    assert.equal(
      checks.some(({ name }) => name === 'vLLM'),
      false,
    );
    const used = folder(t, chairs(`{ adapter: openai, model: "qwen3:32b", baseUrl: "${baseUrl}", prompt: prompt.md }`));
    assert.match((await used.look({ localServers })).row('Ollama').detail, /this configuration uses it$/);
  });

  test('a running system is looked into: who leads, serves and sits', async (t) => {
    await using server = await startTestBus();
    const { look, dir } = folder(t, chairs('{ adapter: rules }'));
    const on = { nats: server.nats.url, env: { PATH, ...(await server.signingFiles(dir)) } };
    const alone = await look(on);
    assert.deepEqual(
      ['running', 'coordinator', 'gpu-runners', 'agents'].map((name) => alone.row(name).state),
      ['ok', 'problem', 'problem', 'problem'],
    );
    const stopSeats = await standInSeats(server.bus);
    const api = serveApi(server.bus, { name: 'conclave-coordinator', version: '0.0.1', description: 'leads' });
    api.endpoint('status', subjects.api('status'), async () => ({}));
    await api.ready();
    const stopRunner = await standInRunner(server.bus, sha256('1.0'), sha256('dataset'));
    const whole = await look(on);
    assert.deepEqual(
      whole.checks.filter(({ state }) => state === 'problem'),
      [],
    );
    assert.equal(whole.row('agents').detail, 'all 12 agents present, all rules (no LLM)');
    const unknowing = await look({ nats: server.nats.url, env: { PATH, CONCLAVE_KEYRING_FILE: join(dir, 'none') } });
    assert.equal(unknowing.row('keyring').state, 'problem');
    const without = await look({ nats: server.nats.url });
    assert.match(without.row('gpu-runners').detail, /has no keyring/);
    await Promise.all([api.stop(), stopSeats(), stopRunner()]);
  });

  test('the command prints one table that fits, or one document, and ends with 1 for a problem', async (t) => {
    const { dir } = folder(
      t,
      chairs('{ adapter: anthropic, model: claude-opus, apiKeyEnv: NO_SUCH_KEY, prompt: prompt.md }'),
    );
    const say = async (...args: string[]) => {
      const out: string[] = [];
      const err: string[] = [];
      const code = await run(['doctor', ...args], { out: (text) => out.push(text), err: (text) => err.push(text) });
      return { code, out: stripVTControlCharacters(out.join('\n')), err: err.join('\n') };
    };
    const config = join(dir, 'own.yaml');
    const { code, out, err } = await say('--config', config, '--state', join(dir, '.conclave'));
    assert.equal(code, 1);
    assert.match(err, /^CVE_DOCTOR_PROBLEMS: \d+ problems: .*moderator/);
    assert.match(out, /^ {2}✗ moderator +absent: no key is set\n +→ set NO_SUCH_KEY$/m);
    assert.equal(out.match(/→ set NO_SUCH_KEY/g)?.length, 2, 'once for each team');
    const json = JSON.parse((await say('--config', config, '--json', '--state', join(dir, '.conclave'))).out);
    assert.equal(json.configFile, config);
    assert.ok(json.problems > 0 && json.error.code === 'CVE_DOCTOR_PROBLEMS');
    const critic = json.checks.find((check: Check) => check.name === 'critic');
    assert.deepEqual(critic, {
      group: 'Planning team',
      name: 'critic',
      state: 'problem',
      detail: 'absent: no key is set',
      todo: 'set NO_SUCH_KEY',
    });
  });

  test('no line is wider than the terminal but for a single long word', async (t) => {
    const { look } = folder(t, chairs('{ adapter: anthropic, model: claude-opus, prompt: prompt.md }'));
    const { text } = await look();
    const wide = text.split('\n').filter((line) => line.length > 80 && line.trim().split(' ').length > 3);
    assert.deepEqual(wide, []);
  });
});
