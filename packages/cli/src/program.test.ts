import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { connectBus, deadLetter, openJournal, serveApi } from '@conclave/bus';
import { startNats, startTestBus, type TestBus, testKeyring, until } from '@conclave/bus/testing';
import {
  type ActionOutcome,
  aggregates,
  ConclaveError,
  parseHandoff,
  sha256,
  subjects,
  TOKEN_HEADER,
} from '@conclave/contracts';
import { draft } from '@conclave/histories';
import { readSettings } from './connect.ts';
import { run } from './program.ts';
import { readWorld } from './read-world.ts';
import { emojiSearch, inShadow, MODEL, record } from './testing/write-events.ts';

async function conclave(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await run(args, { out: (text) => out.push(text), err: (text) => err.push(text) });
  return { code, out: stripVTControlCharacters(out.join('\n')), err: err.join('\n') };
}

/** The command as a process of its own, by a shell. */
function inShell(line: string, url: string) {
  const env = { ...process.env, CONCLAVE: `${process.execPath} ${join(import.meta.dirname, 'main.ts')} --nats ${url}` };
  const child = spawn('sh', ['-c', line], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { out: '', err: '' };
  child.stdout.on('data', (chunk) => {
    output.out += stripVTControlCharacters(String(chunk));
  });
  child.stderr.on('data', (chunk) => {
    output.err += String(chunk);
  });
  return { child, output, closed: once(child, 'close') };
}

suite('the conclave command against a real server', () => {
  let server: TestBus;
  const plans = mkdtempSync(join(tmpdir(), 'conclave-cli-'));
  const digest = sha256('1.1');
  const told = emojiSearch();
  /** Writes down what else is told. */
  const happens = async (tell: () => unknown): Promise<void> => {
    const known = told.commits.length;
    tell();
    await record(server.bus, told, known);
  };

  before(async () => {
    server = await startTestBus();
    Object.assign(process.env, await server.signingFiles(mkdtempSync(join(tmpdir(), 'conclave-keys-'))));
    process.env.CONCLAVE_OPERATOR_TOKEN = 'the-operators-token';
    await record(server.bus, inShadow(told));
  });

  after(async () => {
    delete process.env.CONCLAVE_OPERATOR_TOKEN;
    rmSync(plans, { recursive: true });
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
    assert.deepEqual([code, err], [6, 'CVE_ROLLOUT_UNKNOWN: nothing is on record about "nope"; known: emoji-search']);
  });

  for (const args of [
    ['history', 'emoji-serach'],
    ['explain', 'emoji-serach'],
  ])
    test(`${args.join(' ')} names the model that was probably meant`, async () => {
      const { code, err } = await on(...args);
      assert.equal(code, 6);
      assert.match(err, /^CVE_ROLLOUT_UNKNOWN: .*"emoji-serach"; did you mean "emoji-search"\? known: emoji-search$/);
    });

  test('infer of a model that does not exist is refused by its name', async () => {
    const { code, err } = await on('infer', 'emoji-serach', 'cat');
    assert.equal(code, 6);
    assert.match(err, /^CVE_MODEL_UNKNOWN: .*did you mean "emoji-search"\? known: emoji-search$/);
  });

  test('status and explain show the figures that the leader tells, and say so where none does', async () => {
    assert.match(
      (await on('status')).out,
      /gates {6}0 of 2 passed {2}as last recorded; no leader tells the figures of now/,
    );
    const verdict = {
      ...{ gate: 'latency_p95_ms', outcome: 'running', value: 3.2, interval: null, operator: '<', threshold: 50 },
      ...{ samples: 77, minSamples: 200, window: null, stageEpoch: 1, modelDigest: digest, datasetDigest: null },
      ...{
        source: 'telemetry',
        dryRun: false,
        sentence: '77 of 200 requests; no request has arrived for 40 s',
      },
    };
    const api = serveApi(server.bus, { name: 'stand-in', version: '0.0.1', description: 'tells figures' });
    api.endpoint('explain', subjects.api('explain'), async () => ({
      live: { model: MODEL, rolloutId: 'r-1', stageEpoch: 1, at: new Date().toISOString(), verdicts: [verdict] },
    }));
    await api.ready();
    for (const args of [['status'], ['explain', MODEL]]) {
      const { out } = await on(...args);
      assert.match(out, /… latency_p95_ms 3\.2 ms n=77 of 200, needs < 50 ms/);
      assert.doesNotMatch(out, /as last recorded/);
    }
    assert.match((await on('status')).out, /no request has arrived for 40 s/);
    await api.stop();
  });

  test('apply says what came of it, and what holds what it opened', async () => {
    const asked: unknown[] = [];
    const answers = [
      {
        changed: true,
        outcome: 'opened',
        detail: '',
        rolloutId: 'r-2',
        holds: ['held (pause) for 2 h by ada: lunch; nothing advances until: conclave resume m'],
      },
      { changed: false, outcome: 'unchanged', detail: '', rolloutId: 'r-2' },
      {
        changed: false,
        outcome: 'nothing_to_do',
        detail: 'm 1.1 already serves in production; nothing to do',
        rolloutId: 'r-2',
      },
    ];
    const api = serveApi(server.bus, { name: 'stand-in', version: '0.0.1', description: 'answers apply' });
    api.endpoint('apply', subjects.api('apply'), async ({ body }) => {
      asked.push(Object(body).retry);
      return answers[asked.length - 1];
    });
    await api.ready();
    const file = join(plans, 'r.yaml');
    writeFileSync(
      file,
      'apiVersion: conclave/v1\nkind: ModelRollout\nmetadata: { name: r }\nspec: { model: m, version: "1.1", dataset: d }\n',
    );
    const opened = await on('apply', '-f', file);
    assert.match(opened.out, /^✓ r-2 applied/);
    assert.match(opened.out, /\n! held \(pause\) for 2 h by ada: lunch; nothing advances until: conclave resume m$/);
    assert.match((await on('apply', '-f', file, '--retry')).out, /^· r-2 is open already/);
    assert.deepEqual(await on('apply', '-f', file), {
      code: 0,
      out: '· m 1.1 already serves in production; nothing to do',
      err: '',
    });
    assert.deepEqual(asked, [false, true, false]);
    await api.stop();
  });

  test('a dry run tells what apply would say', async () => {
    const file = join(plans, 'dry.yaml');
    writeFileSync(
      file,
      `apiVersion: conclave/v1\nkind: ModelRollout\nmetadata: { name: r }\nspec: { model: ${MODEL}, version: "1.2", dataset: d }\n`,
    );
    assert.match(
      (await on('apply', '-f', file, '--dry-run')).out,
      /\n! r-1 of 1\.1 is open: apply refuses another until it has ended/,
    );
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
    assert.match(
      aborted.out,
      /^✓ accepted: r-1 rolled back; 1\.0 is to serve alone\n! no serving runner reports itself/,
    );
    assert.equal(tokens.at(-1), 'the-operators-token');
    const refused = await on('pause', MODEL, '--reason', 'test');
    assert.deepEqual([refused.code, refused.err], [5, 'CVE_UNAUTHORIZED: the token given for pause is no operator']);
    await api.stop();
  });

  test('a replica that has just stopped leading is asked again, until its successor answers', async () => {
    const api = serveApi(server.bus, { name: 'stand-in', version: '0.0.1', description: 'stops leading' });
    let asked = 0;
    api.endpoint('resume', subjects.api('resume'), async () => {
      if (++asked === 1) throw new ConclaveError('CVE_LEASE_LOST', 'coordinator-0 no longer leads');
      return { changed: true };
    });
    await api.ready();
    const { code, out } = await on('resume', MODEL, '--reason', 'test');
    assert.deepEqual([code, out, asked], [0, `✓ ${MODEL} goes on`, 2]);
    await api.stop();
  });

  test('a leader that does not answer is not shown as one', async () => {
    await happens(() => told.elected(7));
    assert.match((await on('status')).out, /^leader +none answers; the last was coordinator-0 epoch 7$/m);
    assert.equal(JSON.parse((await on('status', '--json')).out).leaderAnswers, false);

    const api = serveApi(server.bus, { name: 'conclave-coordinator', version: '0.0.1', description: 'leads' });
    api.endpoint('explain', subjects.api('explain'), async () => ({}));
    await api.ready();
    await until(async () => /^leader +coordinator-0 epoch 7$/m.test((await on('status')).out), 'it is shown as one');
    await api.stop();
  });

  test('a pause that outlived its rollout is shown, with the way out', async () => {
    await happens(() =>
      told
        .about({ model: 'paused' })
        .adopted()
        .held('pause', { holdId: 'pause', reason: 'lunch' })
        .about({ model: MODEL }),
    );
    for (const args of [['status'], ['explain', 'paused']])
      assert.match(
        (await on(...args)).out,
        /held \(pause\) for .* by ada: lunch; nothing advances until: conclave resume paused/,
      );
    const api = serveApi(server.bus, { name: 'stand-in', version: '0.0.1', description: 'answers pause' });
    api.endpoint('pause', subjects.api('pause'), async () => ({
      changed: true,
      rolloutId: null,
      stable: '1.0',
      isOpen: false,
    }));
    await api.ready();
    assert.equal(
      (await on('pause', 'paused', '--reason', 'r')).out,
      '✓ paused paused; no rollout is open, so it holds the next one',
    );
    await api.stop();
  });

  test('what a stranger wrote cannot command the terminal', async () => {
    const hostile = 'x\u001b]52;c;cm0gLXJm\u0007\nleader  coordinator-9';
    const hold = { holdId: 'i-1', by: 'coordinator', reason: `open P0: ${hostile}` };
    await happens(() => told.incident('P0', { incidentId: 'i-1', title: hostile }).held('incident', hold));
    for (const verb of [['status'], ['explain', MODEL], ['history', MODEL]]) {
      const out: string[] = [];
      await run(['--nats', server.nats.url, ...verb], { out: (text) => out.push(text), err: assert.fail });
      const text = out.join('\n');
      assert.match(text, /x\]52;c;cm0gLXJm leader coordinator-9/);
      assert.doesNotMatch(text.replaceAll('\n', ''), /\p{Cc}/u);
    }
  });

  const handOff = async (planId: string, outcomes: readonly (ActionOutcome | undefined)[]): Promise<string> => {
    const planned = outcomes.map((_, index) => ({
      id: index + 1,
      action: `step ${index + 1}`,
      owner: 'ops_commander',
      priority: 'high',
    }));
    const document = { timestamp: '2026-01-01', meeting_id: planId, actions: planned, count: planned.length };
    const { digest: planDigest, source, actions } = parseHandoff(document);
    const ends = outcomes.flatMap((outcome, index) =>
      outcome === undefined ? [] : [draft('schedule.action_ended', { actionId: `${planId}:${index + 1}`, outcome })],
    );
    const accepted = { planId, digest: planDigest, source, origin: 'user' as const, actions: [...actions] };
    await happens(() => told.commit(aggregates.schedule, draft('schedule.plan_accepted', accepted), ...ends));
    const file = join(plans, `${planId}.json`);
    writeFileSync(file, JSON.stringify(document));
    return file;
  };
  const waitFor = async (file: string, planId: string, actions: number) => {
    const api = serveApi(server.bus, { name: 'stand-in', version: '0.0.1', description: 'answers handoff' });
    api.endpoint('handoff', subjects.api('handoff'), async () => ({ planId, accepted: 'known', actions }));
    await api.ready();
    try {
      return await on('handoff', file, '--wait');
    } finally {
      await api.stop();
    }
  };

  test('handoff --wait fails unless every action succeeded, and names those that did not', async () => {
    const good = await waitFor(await handOff('good', ['succeeded', 'succeeded']), 'good', 2);
    assert.deepEqual([good.code, good.err], [0, '']);
    const bad = await waitFor(await handOff('bad', ['succeeded', 'failed', 'blocked', 'uncertain']), 'bad', 4);
    assert.equal(bad.code, 1);
    assert.match(bad.out, /^failed {2}bad:2 {2}step 2$/m);
    assert.match(bad.err, /^CVE_TOOL_FAILED: plan bad did not succeed: bad:2 failed, bad:3 blocked, bad:4 uncertain; /);
  });

  test('handoff --wait of a plan whose actions the services have forgotten ends at once', async () => {
    const file = await handOff('old', ['succeeded']);
    for (let plan = 0; plan < 7; plan++) await handOff(`later-${plan}`, Array(50).fill('succeeded'));
    const { code, out } = await waitFor(file, 'old', 1);
    assert.equal(code, 0, out);
    assert.match(out, /^succeeded {2}old:1 {2}step 1$/m);
  });

  test('a reader that has had enough ends the command quietly', async () => {
    const { output, closed } = inShell('$CONCLAVE status --watch | head -1', server.nats.url);
    await closed;
    assert.equal(output.err, '');
    assert.match(output.out, /^! no planner reports .*\n$/);
  });

  test('status --watch outlives a server that goes away', async () => {
    const { child, output, closed } = inShell('exec $CONCLAVE status --watch', server.nats.url);
    await until(() => output.out.includes('leader'), 'the first drawing');
    await server.nats.kill();
    await until(() => output.out.includes('trying again'), 'the error');
    await server.nats.restart();
    output.out = '';
    await until(() => output.out.includes('leader'), 'a drawing after the restart');
    child.kill('SIGINT');
    assert.deepEqual([(await closed)[0], output.err], [0, '']);
  });

  test('apply --dry-run shows the soak of every stage, those of the coordinator too', async () => {
    const api = serveApi(server.bus, { name: 'stand-in', version: '0.0.1', description: 'answers status' });
    api.endpoint('status', subjects.api('status'), async () => ({ soakSeconds: 604_800 }));
    await api.ready();
    const file = join(plans, 'rollout.yaml');
    const head = 'apiVersion: conclave/v1\nkind: ModelRollout\nmetadata: { name: x }\n';
    const stages = '[{ name: shadow, soakSeconds: 90 }, { name: 5_percent }, { name: production, soakSeconds: 7200 }]';
    writeFileSync(file, `${head}spec: { model: x, version: "1", dataset: d, stages: ${stages} }\n`);
    const { out, err } = await on('apply', '--dry-run', '-f', file);
    await api.stop();
    assert.match(out, /stages +shadow 90 s > 5% a week > production 2 h, at least 7 d 2 h in all/, err);
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
    assert.equal(JSON.parse((await on('dlq', 'list', '--json')).out).deadLetters[0].content, '{}');
  });

  test('what a later version wrote is said to be unread in status and explain, and everything else is shown', async () => {
    const at = new Date().toISOString();
    const event = { id: 'future', type: 'rollout.teleported', at, data: {} };
    const journal = openJournal(server.bus, { by: 'later' });
    const { seq } = await journal.append(aggregates.rollouts(MODEL), 'any', [event]);
    const sentence = `commit ${seq} of rollouts/${MODEL} has event rollout.teleported, which this version cannot read: upgrade this command; services of its version decide nothing on that`;
    for (const command of [['status'], ['explain', MODEL]]) {
      const { code, out } = await on(...command);
      assert.equal(code, 0);
      assert.ok(out.includes(sentence), out);
      assert.match(out, /candidate {2,}1\.1/);
      assert.deepEqual(JSON.parse((await on(...command, '--json')).out).unread, [sentence]);
    }
    const { code, out } = await on('history', MODEL);
    assert.deepEqual([code, /has event rollout\.teleported/.test(out)], [0, true]);
  });
});

test('a journal that is not there is said to be unreadable, not waited for', async (t) => {
  const nats = await startNats();
  t.after(() => nats.stop());
  const bus = await connectBus({ servers: nats.url, name: 'test', keyring: testKeyring });
  t.after(() => bus.drain());
  await assert.rejects(
    readWorld(bus, 300),
    /CVE_BUS_UNAVAILABLE: the journal after #0 could not be read, nothing came for 0\.3 s; see/,
  );
  const { code, err } = await conclave('--nats', nats.url, 'status');
  assert.deepEqual([code, err.split('\n').length], [3, 1]);
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
    test(`${name} is one line on standard error and exit code 2`, async () => {
      writeFileSync(join(dir, 'broken.json'), '{');
      const { code, out, err } = await conclave(...args);
      assert.deepEqual([code, out], [2, '']);
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
