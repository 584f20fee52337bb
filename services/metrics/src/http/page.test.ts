import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, suite, test } from 'node:test';
import { openJournal, publishInbox } from '@conclave/bus';
import { startTestBus, type TestBus, until } from '@conclave/bus/testing';
import { type Aggregate, aggregates, DEFAULT_GATES, PLANNING_ROLES, sha256 } from '@conclave/contracts';
import { type Clock, fakeClock } from '@conclave/service';
import { fastify } from 'fastify';
import { type Browser, openPage } from '../testing/browser.ts';
import { fill } from '../testing/fill.ts';
import { type MetricsProcess, startMetrics } from '../testing/metrics-process.ts';
import { putSeating, realisticSeating } from '../testing/seats.ts';
import { registerPage } from './status-page.ts';

const TOKEN = 'the-token-of-this-service';
const DEFINITION = {
  version: '1.1',
  digest: sha256('1.1'),
  datasetName: 'emoji',
  dataset: sha256('emoji'),
  authority: 'act',
  gates: DEFAULT_GATES.slice(0, 1),
};
const HOSTILE = '<img src=x onerror=alert(1)>';

suite('the status page, run by a DOM before the real service', () => {
  let server: TestBus;
  let metrics: MetricsProcess;
  let page: Browser;

  before(async () => {
    server = await startTestBus();
    await fill(server.bus, new Date(), 1);
    await record('incident.opened', aggregates.incident('inc-9'), {
      incidentId: 'inc-9',
      severity: 'P1',
      title: HOSTILE,
      detail: '',
      source: 'nobody',
    });
    metrics = await startMetrics(server, { CONCLAVE_HTTP_TOKEN: TOKEN });
    await until(
      () =>
        fetch(`${metrics.url}/readyz`).then(
          (answer) => answer.ok,
          () => false,
        ),
      'the service is ready',
    );
    page = await openPage(metrics.url);
  });
  after(async () => {
    await page[Symbol.asyncDispose]();
    await metrics[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const record = (type: string, aggregate: Aggregate, data: unknown) =>
    openJournal(server.bus, { by: 'test' }).append(aggregate, 'any', [
      { id: `${type}-${performance.now()}`, type, at: new Date().toISOString(), data },
    ]);
  const shows = (selector: string, text: RegExp) =>
    until(async () => (await page.texts(selector)).some((shown) => text.test(shown)), `${selector} shows ${text}`);

  test('it asks for the token, and says when it was the wrong one', async () => {
    await shows('main', /This page needs a token/);
    await page.send('not-the-token-of-this');
    await shows('main [role=alert]', /refused that token/);
    await page.send(TOKEN);
    await shows('main h2', /^emoji-search$/);
    assert.deepEqual(await page.texts('.unlock'), []);
  });

  test('the head says which stack the page is of, and that a runner fell silent', async () => {
    await shows('header', /conclave\.yaml · 127\.0\.0\.1:\d+/);
    await shows('header', /0 up, gpu-runner-0 is away: not heard for \d/);
  });

  test('it shows the stage, the gates with their intervals and what is missing', async () => {
    assert.deepEqual(await page.texts('.rail [aria-current=step] .rail-label'), ['20%']);
    const [ndcg, latency] = await page.texts('.gates tbody tr');
    assert.match(ndcg ?? '', /^ndcg@10 0\.741 needs >= 0\.72 .*n 600 .*✓ pass/);
    assert.match(latency ?? '', /^latency_p95_ms .* ms needs < 50 ms/);
    assert.equal((await page.texts('.gates .range .interval')).length > 0, true);
    await shows('.box', /Missing for 50% .*gate rollback_test is pending: nothing measured yet/);
    await shows('.past', /rolled back 1\.2-slow in 5%: gate latency_p95_ms breached/);
    await shows('.past', /completed 2\.1 every stage earned/);
  });

  test('an opened meeting shows every word and ballot, and says where no language model spoke', async () => {
    await page.open('details[data-meeting=meeting-103]');
    await shows('details[data-meeting=meeting-103] .turn', /^Critic rules \(no LLM\) .*harder set of queries/);
    await shows('details[data-meeting=meeting-103] .turn', /^Data analyst rules \(no LLM\) ✗ no-go/);
    await shows('details[data-meeting=meeting-103] .turn', /^Moderator anthropic claude-opus-4 NDCG@10 stands at/);
  });

  test('the opened record of a rollout goes on', async () => {
    await page.open('details[data-history=emoji-search]');
    await shows('details[data-history=emoji-search] li', /emoji-search 1\.0 .* adopted as stable/);
    const held = { holdId: 'pause', kind: 'pause', by: 'ada', reason: 'I want to look' };
    await record('rollout.held', aggregates.rollouts('emoji-search'), held);
    await shows('details[data-history=emoji-search] li', /held \(pause\) by ada: I want to look/);
  });

  test('what a stranger wrote stays text', async () => {
    const shown = await page.texts('.incidents li');
    assert.ok(
      shown.some((text) => text.includes(HOSTILE)),
      shown.join('\n'),
    );
    assert.deepEqual(await page.texts('img'), []);
  });

  test('it says who leads, and when the heartbeat is overdue', async () => {
    await shows('.facts .ok', /^Leader coordinator-0, epoch 1$/);
    const at = new Date(Date.now() - 3600_000).toISOString();
    const beat = { id: 'late', type: 'schedule.heartbeat', at, data: { slot: 45, drains: false, dispatched: 0 } };
    await openJournal(server.bus, { by: 'test' }).append(aggregates.schedule, 'any', [beat]);
    await shows('.facts .bad', /^Leader none; coordinator-0 fell silent$/);
  });

  test('it says loudly who is absent and why, promises no vote that nobody can hold, and falls silent when all are back', async () => {
    const four = ['moderator', 'pre_architect', 'data_analyst', 'critic', 'ops_commander'];
    await putSeating(server.bus, realisticSeating(new Date(), four));
    await shows('.seating .headline', /^5 of 12 agents are absent: no quorum, 4 ballots needed, 2 can vote$/);
    await shows(
      '.seating li',
      /^✗ absent moderator, pre architect, data analyst, critic, ops commander : ANTHROPIC_API_KEY is not set$/,
    );
    await shows(
      '.seating p',
      /^Nothing advances; rollbacks work\. Set ANTHROPIC_API_KEY\. See \.\/conclave doctor \.$/,
    );
    await shows('.facts .bad', /^Agents 7 of 12$/);
    await shows(
      '.box li',
      /^no meeting can decide: 2 of 6 advisors present, quorum 4: set ANTHROPIC_API_KEY; see conclave doctor$/,
    );
    await putSeating(server.bus, realisticSeating(new Date()));
    await shows('.facts .ok', /^Agents 12 of 12$/);
    assert.deepEqual(await page.texts('.seating'), []);
    await shows('.box', /^Missing for 50%(?!.*no meeting can decide)/);
  });

  test('a rollout that waits for its first stage is told what is so: a meeting, or why there is none', async () => {
    const stages = [
      { name: 'shadow', soakSeconds: 60 },
      { name: 'production', soakSeconds: 60 },
    ];
    const definition = { ...DEFINITION, name: 'fresh', model: 'fresh', stages };
    await record('rollout.applied', aggregates.rollouts('fresh'), { rolloutId: 'fresh-r1', definition, by: 'ada' });
    await putSeating(server.bus, realisticSeating(new Date()));
    await shows('.box .good-text', /^A meeting will propose shadow\.$/);
    await putSeating(server.bus, realisticSeating(new Date(), PLANNING_ROLES));
    await shows('.box', /^Waiting for its first stage no meeting can decide: 0 of 6 advisors present, quorum 4/);
    assert.deepEqual(await page.texts('.box .good-text'), []);
  });

  test('what happens shows at once', async () => {
    await shows('.connection', /^Live$/);
    const data = { insightId: 'i-live', text: 'Short queries are hard.', line: 'v2_research', source: 'test' };
    await record('roadmap.insight_recorded', aggregates.roadmap, data);
    await shows('.feed li', /insight \(v2_research\): Short queries are hard\./);
  });

  test('it says that something in the journal does not count', async () => {
    assert.deepEqual(await page.texts('[aria-label="Messages that do not count"]'), []);
    await publishInbox(server.bus, 'conclave.journal.schedule', { forged: true });
    const data = { insightId: 'i-then', text: 'And then.', line: 'v2_research', source: 'test' };
    await record('roadmap.insight_recorded', aggregates.roadmap, data);
    await shows('[aria-label="Messages that do not count"]', /^1 message in the journal does not count/);
  });

  test('it says what it cannot read of the journal and whom to upgrade, and goes on', async () => {
    assert.deepEqual(await page.texts('[aria-label=Journal]'), []);
    await record('incident.beamed', aggregates.incident('alien'), {});
    await shows('[aria-label=Journal] li', /incidents\/alien has event incident\.beamed.*upgrade the metrics service/);
    const data = { insightId: 'i-later', text: 'It goes on.', line: 'v2_research', source: 'test' };
    await record('roadmap.insight_recorded', aggregates.roadmap, data);
    await shows('.feed li', /insight \(v2_research\): It goes on\./);
  });

  test('it notices that the service is gone, and comes back with it', async () => {
    const { port } = new URL(metrics.url);
    await metrics[Symbol.asyncDispose]();
    await shows('.connection', /^Reconnecting…$/);
    await shows('main [role=alert]', /Conclave cannot be reached/);
    metrics = await startMetrics(server, { CONCLAVE_HTTP_TOKEN: TOKEN, CONCLAVE_HTTP_PORT: port });
    await shows('.connection', /^Live$/);
    await until(async () => (await page.texts('main [role=alert]')).length === 0, 'the problem is over');
  });
});

test('a refusal that comes after another token was given says nothing about that one', async (t) => {
  const http = fastify({ forceCloseConnections: true });
  registerPage(http);
  const late = Promise.withResolvers<void>();
  http.get('/api/world', (_request, reply) => reply.code(401).send({}));
  http.get('/api/events', async (_request, reply) => {
    await late.promise;
    return reply.code(401).send({});
  });
  const page = await openPage(await http.listen({ host: '127.0.0.1', port: 0 }));
  t.after(async () => {
    late.resolve();
    await page[Symbol.asyncDispose]();
    await http.close();
  });
  const shows = (selector: string, text: string) =>
    until(async () => (await page.texts(selector)).includes(text), `${selector} shows ${text}`);
  await shows('main h2', 'This page needs a token');
  await page.send(TOKEN);
  late.resolve();
  await shows('main [role=alert]', 'The service refused that token.');
});

interface PageModule {
  follow(
    path: string,
    lastId: undefined,
    onOpen: () => void,
    onEvent: (event: object) => void,
    after: Clock['after'],
  ): Promise<void>;
}

test('a stream that dies without a word is given up after 15 seconds', async (t) => {
  const service = createServer((_request, response) => void response.write('id: 7\nevent: commit\ndata: {}\n\n'));
  t.after(() => {
    service.close();
    service.closeAllConnections();
  });
  await once(service.listen(0, '127.0.0.1'), 'listening');
  const port = Object(service.address()).port;
  Object.assign(globalThis, { sessionStorage: { getItem: () => null } });
  const { follow }: PageModule = await import(new URL('../../web/server.js', import.meta.url).href);

  const clock = fakeClock();
  const heard = Promise.withResolvers<object>();
  let ended = false;
  const following = follow(`http://127.0.0.1:${port}/`, undefined, () => undefined, heard.resolve, clock.after).finally(
    () => {
      ended = true;
    },
  );
  assert.deepEqual(await heard.promise, { type: 'commit', id: '7', data: '{}' });
  clock.advance(14_999);
  await new Promise(setImmediate);
  assert.equal(ended, false);
  clock.advance(1);
  await assert.rejects(following, /fell silent/);
});
