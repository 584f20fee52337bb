import assert from 'node:assert/strict';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { startTestBus, type TestBus } from '@conclave/bus/testing';
import { run } from '../program.ts';
import { readWorld } from '../read-world.ts';
import { meet, oneOfEverything, record } from '../testing/write-events.ts';

const MEETINGS = 55;
const at = (minute: number): string => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();

suite('what is on record, of any age', () => {
  let server: TestBus;
  before(async () => {
    server = await startTestBus();
    Object.assign(process.env, await server.signingFiles(await mkdtemp(join(tmpdir(), 'conclave-keys-'))));
    const told = oneOfEverything();
    for (let n = 0; n < MEETINGS; n++) meet(told.at(at(n)), `meeting_2026_${n}`);
    await record(server.bus, told);
  });
  after(() => server[Symbol.asyncDispose]());

  const conclave = async (...args: readonly string[]) => {
    const out: string[] = [];
    const err: string[] = [];
    const output = { out: (text: string) => out.push(text), err: (text: string) => err.push(text) };
    const code = await run(['--nats', server.nats.url, ...args], output);
    return { code, out: stripVTControlCharacters(out.join('\n')), err: err.join('\n') };
  };
  const json = async (...args: readonly string[]) => JSON.parse((await conclave('--json', ...args)).out);

  test('a meeting that the services have forgotten is shown with every word', async () => {
    assert.equal((await readWorld(server.bus)).meetings['meeting-1'], undefined);
    const { code, out } = await conclave('meetings', 'show', 'meeting-1', '--transcript');
    assert.equal(code, 0);
    for (const line of [
      /^# Meeting meeting-1$/m,
      /^### moderator \(rules \(no LLM\)\), .*, 1\.2 s$/m,
      /^> Let us look at 1\.1\.$/m,
      /^- \*\*go\*\* on r-1, verdicts v-1: all gates passed$/m,
      /^### critic: absent\n\n> no key$/m,
      /^- emoji-search 1\.1, shadow to production: \*\*go\*\* \(yes moderator; no critic; abstained -\)\. a majority$/m,
      /^- critic: too soon$/m,
      /^\| 1 \| HIGH \| ops_commander \| Look at the metrics \| {2}\| {2}\|$/m,
    ])
      assert.match(out, line);
  });

  test('without --transcript the speeches are left out', async () => {
    const { out } = await conclave('meeting', 'show', 'meeting-1');
    assert.doesNotMatch(out, /Let us look/);
    assert.match(out, /\*\*go\*\* on r-1/);
  });

  test('lists page back to the first one', async () => {
    const { meetings, older } = await json('meetings', 'list', '--limit', '3', '--before', at(3));
    assert.deepEqual(
      [meetings.map((m: { meetingId: string }) => m.meetingId), older],
      [['meeting_2026_2', 'meeting_2026_1', 'meeting_2026_0'], 0],
    );
    const since = await json('meetings', 'list', '--since', at(MEETINGS - 2), '--before', '2026-02-01');
    assert.equal(since.meetings.length, 2);
    const newest = await conclave('meetings', 'list', '--limit', '1');
    assert.match(
      newest.out,
      /^meeting-1 {2}.*decided {2}slot: regular {2}1 actions, absent: critic\n55 older: --before /,
    );
  });

  test('an action is shown with its calls, their results and its criteria', async () => {
    const { out } = await conclave('actions', 'show', 'meeting_2026_0:1');
    assert.match(out, /^ {2}state +succeeded$/m);
    assert.match(out, /^ {2}collect_metrics \{"minutes":5\} {2}meeting_2026_0:1\/1$/m);
    assert.match(out, /ok in 30 ms: \{"p95Ms":12\}/);
    assert.match(out, /met {2}P95 < 50ms {2}12 ms/);
    const { actions } = await json('actions', 'list', '--plan', 'meeting_2026_0');
    assert.deepEqual([actions.length, actions[0].state, actions[0].summary], [1, 'succeeded', 'P95 is 12 ms']);
    assert.deepEqual((await json('actions', 'list', '--open')).actions, []);
  });

  test('models and datasets say what they are used for', async () => {
    const { versions } = await json('models', 'show', 'emoji-search');
    assert.deepEqual(
      versions.map((v: { version: string; use: string }) => [v.version, v.use]),
      [
        ['1.0', 'stable'],
        ['1.1', 'candidate'],
      ],
    );
    assert.match((await conclave('models', 'list')).out, /^emoji-search {2}1\.0 \(stable\), 1\.1 \(candidate\)$/);
    assert.match((await conclave('datasets', 'list')).out, /^emoji {2}[0-9a-f]{8} {2}10 documents, 5 queries/);
    assert.deepEqual((await json('datasets', 'show', 'emoji')).registrations[0].models, ['emoji-search']);
  });

  const unknown: readonly (readonly [args: readonly string[], line: RegExp])[] = [
    [['meeting', 'show', 'meeting_2026_555'], /^CVE_MEETING_UNKNOWN: .*did you mean "meeting_2026_/],
    [
      ['meeting', 'show', '2026_17'],
      /^CVE_MEETING_UNKNOWN: there is no meeting "2026_17"; did you mean "meeting_2026_17"/,
    ],
    [['action', 'show', 'meeting-1:2'], /^CVE_ACTION_UNKNOWN: .*"meeting-1:1".*See conclave actions list$/],
    [['action', 'show', 'x'], /^CVE_ACTION_UNKNOWN: there is no action "x"; the newest is "/],
    [['models', 'show', 'emoji-serach'], /^CVE_MODEL_UNKNOWN: .*did you mean "emoji-search"\?/],
    [['datasets', 'show', 'emojis'], /^CVE_DATASET_UNKNOWN: .*did you mean "emoji"\?/],
  ];
  for (const [args, line] of unknown) {
    test(`${args.join(' ')} is unknown, and what is close to it is named`, async () => {
      const { code, err } = await conclave(...args);
      assert.equal(code, 6);
      assert.match(err, line);
    });
  }

  test('a time that is none is refused', async () => {
    const { code, err } = await conclave('actions', 'list', '--since', 'yesterday');
    assert.deepEqual([code, err.split(';')[0]], [2, 'CVE_REQUEST_INVALID: --since is "yesterday"']);
  });
});
