import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { type Journal, openJournal } from '@conclave/bus';
import { startTestBus, type TestBus, until } from '@conclave/bus/testing';
import { aggregates } from '@conclave/contracts';
import { followWorld, type WorldFollower } from '@conclave/service';
import { type FastifyInstance, fastify } from 'fastify';
import { HeardGates } from '../heard-gates.ts';
import { JournalMirror } from '../journal/mirror.ts';
import type { Observed } from '../observed.ts';
import { stackName } from '../observed.ts';
import { Runners } from '../runners.ts';
import { WindowStore } from '../telemetry/window-store.ts';
import { fill } from '../testing/fill.ts';
import { registerEvents } from './event-stream.ts';
import { registerApi } from './http-api.ts';
import { registerPage } from './status-page.ts';

suite('the HTTP interface over a real journal', () => {
  let server: TestBus;
  let journal: Journal;
  let http: FastifyInstance;
  let observed: Observed;
  let follower: WorldFollower;
  let url: string;
  const cleanUp: (() => unknown)[] = [];

  before(async () => {
    server = await startTestBus();
    await fill(server.bus, new Date(), 1);
    journal = openJournal(server.bus, { by: 'test' });
    follower = await followWorld({ journal, onError: (error) => assert.fail(String(error)) });
    cleanUp.push(() => follower.stop());
    observed = {
      mirror: new JournalMirror(follower),
      telemetry: new WindowStore(900_000, new Date()),
      runners: new Runners(),
      gates: new HeardGates(),
      heartbeatIntervalSeconds: 300,
      stack: stackName({}),
      now: () => new Date(),
    };
    http = fastify({ forceCloseConnections: true });
    registerPage(http);
    registerApi(http, observed, journal);
    const events = registerEvents(http, observed, journal, { telemetryEveryMs: 50 });
    cleanUp.push(() => events.stop());
    url = await http.listen({ host: '127.0.0.1', port: 0 });
    await until(() => follower.caughtUp, 'the journal is folded');
  });

  after(async () => {
    for (const step of cleanUp) await step();
    await http.close();
    await server[Symbol.asyncDispose]();
  });

  const get = (path: string) => http.inject({ method: 'GET', url: path });

  test('the world names leader, rollouts, gates and what is missing', async () => {
    const world = (await get('/api/world')).json();
    assert.equal(world.leader.name, 'coordinator-0');
    const [rollout] = world.rollouts;
    assert.equal(rollout.current.stage, '20_percent');
    assert.equal(rollout.current.gates[0].line, 'ndcg@10 0.741 [0.722-0.770] n=600, needs >= 0.72');
    assert.ok(rollout.current.missing.includes('gate rollback_test is pending: nothing measured yet'));
    assert.equal(rollout.past[0].gate, 'latency_p95_ms');
  });

  test('gates are given with the figures that the leader tells, for as long as it tells them', async () => {
    const { rolloutId, stageEpoch, gates } = (await get('/api/world')).json().rollouts[0].current;
    const latency = gates.find((g: { gate: string }) => g.gate === 'latency_p95_ms');
    const recorded = observed.mirror.world.rollouts['emoji-search']?.current?.verdicts.latency_p95_ms ?? assert.fail();
    const verdicts = [{ ...recorded, samples: 4711, sentence: '4711 requests; no request has arrived for 40 s' }];
    const tell = (at: Date, epoch = stageEpoch) =>
      observed.gates?.note({ model: 'emoji-search', rolloutId, stageEpoch: epoch, at: at.toISOString(), verdicts });
    const shown = async () => {
      const { current } = (await get('/api/rollouts/emoji-search')).json();
      return [
        current.gatesAt !== null,
        current.gates.find((g: { gate: string }) => g.gate === 'latency_p95_ms').samples,
      ];
    };
    tell(new Date(Date.now() - 60_000));
    assert.deepEqual(await shown(), [false, latency.samples], 'what was told a minute ago is not of now');
    tell(new Date(), stageEpoch + 1);
    assert.deepEqual(await shown(), [false, latency.samples], 'nor is that of another stage');
    tell(new Date());
    assert.deepEqual(await shown(), [true, 4711]);
  });

  test('a meeting is given with its whole transcript', async () => {
    const meeting = (await get('/api/meetings/meeting-103')).json();
    assert.equal(meeting.turns.filter((t: { phase: string }) => t.phase === 'ballot').length, 5);
    assert.equal(meeting.turns.find((t: { role: string }) => t.role === 'critic').speaker, 'rules (no LLM)');
    assert.equal(meeting.dissent.length, 1);
  });

  test('an action is given with its tool calls', async () => {
    const action = (await get('/api/actions/meeting-103:1')).json();
    assert.deepEqual([action.state, action.calls[0].tool], ['succeeded', 'deploy_model']);
  });

  test('a history is the commits of that rollout as sentences', async () => {
    const { commits } = (await get('/api/history/emoji-search')).json();
    assert.match(commits[0].text, /emoji-search 1\.0 .* adopted as stable/);
    assert.ok(commits.every((c: { kind: string }) => c.kind === 'rollouts'));
  });

  const missing = [
    ['/api/rollouts/nope', 'CVE_ROLLOUT_UNKNOWN', 'emoji-search, photo-ranker'],
    ['/api/history/nope', 'CVE_ROLLOUT_UNKNOWN', 'emoji-search, photo-ranker'],
    ['/api/telemetry/nope', 'CVE_MODEL_UNKNOWN', 'emoji-search, photo-ranker'],
    ['/api/meetings/nope', 'CVE_REQUEST_INVALID', 'meeting-103, meeting-102, meeting-101'],
    ['/api/actions/nope', 'CVE_REQUEST_INVALID', 'meeting-103:1'],
    ['/api/rollouts/constructor', 'CVE_ROLLOUT_UNKNOWN', 'emoji-search, photo-ranker'],
    ['/api/history/constructor', 'CVE_ROLLOUT_UNKNOWN', 'emoji-search, photo-ranker'],
    ['/api/meetings/toString', 'CVE_REQUEST_INVALID', 'meeting-103, meeting-102, meeting-101'],
    ['/api/actions/constructor', 'CVE_REQUEST_INVALID', 'meeting-103:1'],
  ] as const;
  for (const [path, code, known] of missing) {
    test(`${path} is a 404 that names it and lists what exists`, async () => {
      const answer = await get(path);
      const name = path.split('/').at(-1);
      assert.equal(answer.statusCode, 404);
      const { error } = answer.json();
      assert.equal(error.code, code);
      assert.ok(error.message.includes(`"${name}"`), error.message);
      assert.ok(error.message.includes(known), error.message);
    });
  }

  test('the page allows own scripts and styles only', async () => {
    const page = await get('/');
    assert.match(String(page.headers['content-type']), /text\/html/);
    const policy = String(page.headers['content-security-policy']);
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/);
    assert.doesNotMatch(policy, /unsafe/);
    assert.doesNotMatch(page.body, /<script(?![^>]*src=)|style=|https?:\/\//);
  });

  test('a path outside the page is not served', async () => {
    for (const path of ['/..%2fpackage.json', '/../package.json', '/web/app.js'])
      assert.equal((await get(path)).statusCode, 404);
  });

  test('a client that comes back gets every commit after the one it saw, then live ones', async () => {
    const last = observed.mirror.world.seq;
    await using stream = await listen(`${url}/api/events`, { 'last-event-id': String(last - 3) });
    await until(() => stream.ids.length === 3, 'the missed commits are sent');
    const insight = { insightId: 'i-9', text: 'Live.', line: 'v1_production', source: 'test' };
    const event = { id: 'live-1', type: 'roadmap.insight_recorded', at: new Date().toISOString(), data: insight };
    const { seq } = await journal.append(aggregates.roadmap, 'any', [event]);
    await until(() => stream.ids.at(-1) === seq, 'the live commit is sent');
    assert.deepEqual(stream.ids, [last - 2, last - 1, last, seq]);
    await until(() => stream.text().includes('event: telemetry'), 'a telemetry summary is sent');
  });

  test('a client that asks for more recent commits than there are gets all, and none where it asks for none', async () => {
    const last = observed.mirror.world.seq;
    await using all = await listen(`${url}/api/events?recent=${last + 50}`, {});
    await until(() => all.ids.at(-1) === last, 'the newest commit is sent');
    assert.equal(all.ids.length, last);
    await using none = await listen(`${url}/api/events?recent=0`, {});
    await until(() => none.text().includes('event: telemetry'), 'the stream is open');
    assert.deepEqual(none.ids, []);
  });

  test('a service that has just begun from a snapshot shows what came before, too, and then goes on', async () => {
    const last = observed.mirror.world.seq;
    const begun = { ...observed, mirror: new JournalMirror(follower) };
    assert.deepEqual([begun.mirror.firstSeq, begun.mirror.from(1)], [last + 1, []]);
    const other = fastify({ forceCloseConnections: true });
    const events = registerEvents(other, begun, journal);
    const at = await other.listen({ host: '127.0.0.1', port: 0 });
    await using recent = await listen(`${at}/api/events?recent=5`, {});
    await using back = await listen(`${at}/api/events`, { 'last-event-id': String(last - 2) });
    await until(() => recent.ids.length === 5 && back.ids.length === 2, 'what came before is sent');
    const insight = { insightId: 'i-10', text: 'Later.', line: 'v1_production', source: 'test' };
    const event = { id: 'live-2', type: 'roadmap.insight_recorded', at: new Date().toISOString(), data: insight };
    const { seq } = await journal.append(aggregates.roadmap, 'any', [event]);
    await until(() => recent.ids.at(-1) === seq && back.ids.at(-1) === seq, 'the live commit is sent');
    assert.deepEqual(recent.ids, [last - 4, last - 3, last - 2, last - 1, last, seq]);
    assert.deepEqual(back.ids, [last - 1, last, seq]);
    events.stop();
    await other.close();
  });

  test('a leader whose heartbeat is overdue is silent', async () => {
    const at = (secondsAgo: number) => new Date(Date.now() - secondsAgo * 1000).toISOString();
    const beat = async (slot: number, secondsAgo: number) => {
      const data = { slot, drains: false, dispatched: 0 };
      const event = { id: `beat-${slot}`, type: 'schedule.heartbeat', at: at(secondsAgo), data };
      const { seq } = await journal.append(aggregates.schedule, 'any', [event]);
      await until(() => observed.mirror.world.seq >= seq, 'the heartbeat is folded');
      return (await get('/api/world')).json().leader;
    };
    assert.deepEqual(await beat(1, 400), { name: 'coordinator-0', epoch: 1, silent: true });
    assert.deepEqual(await beat(2, 200), { name: 'coordinator-0', epoch: 1, silent: false });
  });

  test('a Last-Event-ID that is no sequence is refused', async () => {
    const answer = await http.inject({ method: 'GET', url: '/api/events', headers: { 'last-event-id': 'x' } });
    assert.equal(answer.statusCode, 400);
  });
});

interface EventStream extends AsyncDisposable {
  readonly ids: number[];
  text(): string;
}

async function listen(url: string, headers: Record<string, string>): Promise<EventStream> {
  const abort = new AbortController();
  const answer = await fetch(url, { headers, signal: abort.signal });
  assert.match(answer.headers.get('content-type') ?? '', /text\/event-stream/);
  let text = '';
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of answer.body ?? []) text += decoder.decode(chunk, { stream: true });
  })().catch(() => undefined);
  return {
    get ids() {
      return [...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));
    },
    text: () => text,
    async [Symbol.asyncDispose]() {
      abort.abort();
      await reading;
    },
  };
}
