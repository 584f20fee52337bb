import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { listDeadLetters, publishTelemetry } from '@conclave/bus';
import { until } from '@conclave/bus/testing';
import {
  addLatency,
  aggregates,
  applyAnswer,
  changedAnswer,
  DEFAULT_GATES,
  emptySketch,
  incidentAnswer,
  type LiveGates,
  liveGates,
  sha256,
  subjects,
} from '@conclave/contracts';
import { datasetKey, verdictSetOf } from '@conclave/core';
import { type LeadingCoordinator, startLeading } from '../testing/leading.ts';

const MODEL = 'emoji-search';
const digestOf = (version: string) => sha256(`${MODEL} ${version}`);
const DATASET = sha256('queries');

function definition(version: string, spec: object = {}): unknown {
  return {
    apiVersion: 'conclave/v1',
    kind: 'ModelRollout',
    metadata: { name: `r-${version.replace('.', '-')}` },
    spec: { model: MODEL, version, dataset: 'queries', stages: [{ name: 'shadow' }, { name: 'production' }], ...spec },
  };
}

suite('the API of a leading coordinator, on a real server', () => {
  let c: LeadingCoordinator;
  const state = () => c.world().rollouts[MODEL] ?? assert.fail('nothing is on record');
  const rolloutIds = () => [state().current, ...state().past].map((r) => r?.rolloutId);
  const apply = async (version: string, options: { spec?: object; retry?: boolean } = {}) =>
    applyAnswer.parse(
      await c.call('apply', {
        definition: definition(version, options.spec),
        ...(options.retry === undefined ? {} : { retry: options.retry }),
      }),
    );

  before(async () => {
    c = await startLeading();
    for (const version of ['0.9', '1.0', '1.1'])
      await c.call('register_model', { model: MODEL, version, digest: digestOf(version), description: '', bytes: 1 });
    const dataset = { name: 'queries', digest: DATASET, description: '', documents: 3, queries: 600, bytes: 1 };
    await c.call('register_dataset', dataset);
    await c.call('adopt', { model: MODEL, version: '0.9', dataset: 'queries' });
  });
  after(() => c[Symbol.asyncDispose]());

  const mistyped = 'emoji-serach';
  const reason = 'r';
  const verbs: readonly (readonly [verb: string, body: object])[] = [
    ['pause', { reason }],
    ['resume', { reason }],
    ['approve', { reason }],
    ['reject', { reason }],
    ['override', { gate: 'g', reason }],
    ['abort', { reason }],
    ['revert', { reason }],
    ['rollback', { reason, requestedBy: 'a' }],
    ['explain', {}],
  ];
  for (const [verb, body] of verbs) {
    test(`${verb} of a mistyped model is refused by its name, and leaves nothing behind`, async () => {
      await assert.rejects(c.call(verb, { model: mistyped, ...body }), {
        code: 'CVE_ROLLOUT_UNKNOWN',
        message: /"emoji-serach".*did you mean "emoji-search"\? known: emoji-search/,
      });
      assert.deepEqual(Object.keys(c.world().rollouts), [MODEL]);
    });
  }

  test('adopt and apply of a mistyped model say which model was probably meant', async () => {
    const says = { code: 'CVE_MODEL_UNKNOWN', message: /did you mean "emoji-search"\? known: emoji-search/ };
    await assert.rejects(c.call('adopt', { model: mistyped, version: '1.0', dataset: 'queries' }), says);
    await assert.rejects(c.call('apply', { definition: definition('1.0', { model: mistyped }) }), says);
    assert.deepEqual(Object.keys(c.world().rollouts), [MODEL]);
  });

  test('a definition by which nothing is ever measured is refused', async () => {
    const gates = [
      [{ name: 'p0', source: 'incidents', dryRun: true }],
      [
        { name: 'p0', source: 'incidents' },
        { name: 'back', source: 'rollback_test' },
      ],
      DEFAULT_GATES.map((gate) => ({ ...gate, dryRun: true })),
    ];
    for (const list of gates)
      for (const authority of ['act', 'recommend'])
        await assert.rejects(c.call('apply', { definition: definition('1.0', { gates: list, authority }) }), {
          code: 'CVE_REQUEST_INVALID',
          message: /spec\.gates: no gate that decides measures the candidate/,
        });
    assert.equal(state().current, undefined);
  });

  test('a pause without an open rollout holds the next one, which says so', async () => {
    const paused = changedAnswer.parse(await c.call('pause', { model: MODEL, reason: 'wait for Ada' }));
    assert.deepEqual([paused.changed, paused.isOpen], [true, false]);
    const { outcome, holds } = await apply('1.0');
    assert.equal(outcome, 'opened');
    assert.match(
      holds.join(),
      /held \(pause\) .* by ada: wait for Ada; nothing advances until: conclave resume emoji-search/,
    );
  });

  test('the same file applied again while its rollout is open changes nothing', async () => {
    const again = await apply('1.0');
    assert.deepEqual([again.outcome, again.rolloutId], ['unchanged', state().current?.rolloutId]);
    await c.given(aggregates.model(datasetKey('queries')), [
      'dataset.registered',
      { name: 'queries', digest: sha256('more'), description: '', documents: 4, queries: 700, bytes: 2, by: 'ada' },
    ]);
    assert.equal((await apply('1.0')).outcome, 'unchanged', 'what was pinned stays pinned');
    await assert.rejects(apply('1.0', { spec: { authority: 'act' } }), { code: 'CVE_ROLLOUT_CONFLICT' });
  });

  test('an approval that is too early is refused with what is missing, and so is a no', async () => {
    await assert.rejects(c.call('approve', { model: MODEL, reason }), {
      code: 'CVE_ROLLOUT_NOT_ELIGIBLE',
      message: /cannot be approved: shadow waits for no person/,
    });
    const { rolloutId } = state().current ?? assert.fail('open');
    await c.given(aggregates.rollouts(MODEL), [
      'rollout.stage_entered',
      { rolloutId, stage: 'shadow', stageEpoch: 1, share: 0, requestedBy: 'ops_commander' },
    ]);
    await c.given(aggregates.rollouts(MODEL), [
      'rollout.stage_serving',
      { rolloutId, stageEpoch: 1, runners: ['gpu-runner-0'] },
    ]);
    await assert.rejects(c.call('approve', { model: MODEL, reason }), {
      code: 'CVE_ROLLOUT_NOT_ELIGIBLE',
      message: /too early for production: .*of the soak of 2 s are left.*gate ndcg@10 is pending/,
    });
    await assert.rejects(c.call('reject', { model: MODEL, reason }), {
      code: 'CVE_ROLLOUT_NOT_ELIGIBLE',
      message: /cannot be rejected: .*to stop it now: conclave pause emoji-search or conclave abort emoji-search/,
    });
    assert.equal(state().current?.approval, undefined);
  });

  test('the leader tells how the gates stand now, with counts that no commit has', async () => {
    let last: LiveGates | undefined;
    const hearing = c.bench.bus.subscribeCore(subjects.gates(MODEL), (message) => {
      last = liveGates.parse(message.json());
    });
    const samplesNow = (gate: string) => last?.verdicts.find((v) => v.gate === gate)?.samples;
    const send = async (requests: number) => {
      const at = new Date();
      const latency = emptySketch();
      for (let i = 0; i < requests; i++) addLatency(latency, 3);
      await publishTelemetry(c.bench.bus, subjects.telemetry(MODEL, '1.0'), {
        ...{
          kind: 'window',
          runner: 'gpu-runner-0',
          model: MODEL,
          version: '1.0',
          digest: digestOf('1.0'),
          mode: 'mirror',
        },
        ...{ stageEpoch: 1, from: at.toISOString(), to: at.toISOString(), requests, errors: 0, withinSlo: requests },
        ...{ latencyThresholdMs: 50, latency },
      });
    };
    await send(20);
    await until(() => samplesNow('latency_p95_ms') === 20, 'twenty requests are told');
    await until(() => state().current?.verdicts.latency_p95_ms?.outcome === 'running', 'the transition is recorded');
    await send(30);
    await until(() => samplesNow('latency_p95_ms') === 50, 'fifty requests are told');
    assert.equal(state().current?.verdicts.latency_p95_ms?.samples, 20, 'and not recorded');
    const explained = Object(await c.call('explain', { model: MODEL }));
    assert.match(explained.missing.join('\n'), /gate latency_p95_ms is running: 50 of 200 requests/);
    hearing.unsubscribe();
  });

  test('with complete evidence a person may say no before the vote, yes after it, and each once', async () => {
    const { rolloutId } = state().current ?? assert.fail('open');
    for (const { name } of DEFAULT_GATES)
      if (name !== 'p0_incidents') await c.call('override', { model: MODEL, gate: name, reason: 'known' });
    await until(() => state().current?.verdicts.p0_incidents?.outcome === 'pass', 'no incident is open');
    const rejected = await until(async () => {
      const answer = await c.call('reject', { model: MODEL, reason: 'I have doubts' }).catch(() => undefined);
      return answer === undefined ? undefined : changedAnswer.parse(answer);
    }, 'the soak is over');
    assert.equal(rejected.changed, true);
    await assert.rejects(c.call('approve', { model: MODEL, reason }), {
      message: /no meeting has voted on these verdicts/,
    });
    const verdictSet = verdictSetOf(state().current ?? assert.fail('open'));
    const ballots = { yes: ['critic'], no: [], abstained: [] };
    await c.given(aggregates.rollouts(MODEL), [
      'rollout.voted',
      { rolloutId, stageEpoch: 1, meetingId: 'm-1', decision: 'go', verdictSet, ...ballots },
    ]);
    const explained = Object(await c.call('explain', { model: MODEL }));
    assert.match(explained.waitsFor[0].command, /^conclave resume emoji-search/, 'a pause comes first');
    await c.call('resume', { model: MODEL, reason });
    const { waitsFor } = Object(await c.call('explain', { model: MODEL }));
    assert.match(waitsFor[0].command, /^conclave approve emoji-search --verdicts [0-9a-f]{8} --reason/);
    assert.equal(changedAnswer.parse(await c.call('approve', { model: MODEL, reason })).changed, true);
    assert.equal(changedAnswer.parse(await c.call('approve', { model: MODEL, reason })).changed, false);
    assert.deepEqual(Object(await c.call('explain', { model: MODEL })).waitsFor, []);
  });

  test('a definition that was aborted is opened again at a wish of its own alone', async () => {
    await c.call('abort', { model: MODEL, reason: 'it smells' });
    const before = rolloutIds();
    await assert.rejects(apply('1.0'), {
      code: 'CVE_ROLLOUT_ENDED',
      message: /was rolled back at .* by ada: it smells; .*conclave apply --retry, or another metadata\.name/,
    });
    assert.deepEqual(rolloutIds(), before);
    assert.equal((await apply('1.0', { retry: true })).outcome, 'opened');
    assert.equal((await apply('1.0', { retry: true })).outcome, 'unchanged');
    await c.call('abort', { model: MODEL, reason: 'again' });
    assert.equal(
      (await apply('1.0', { spec: { authority: 'act' } })).outcome,
      'opened',
      'a changed definition is another',
    );
    await c.call('abort', { model: MODEL, reason: 'third' });
    await assert.rejects(apply('1.0'), { code: 'CVE_ROLLOUT_ENDED' }, 'the first is not forgotten over it');
  });

  test('approve and reject say no where a person is not asked', async () => {
    await apply('1.0', { spec: { authority: 'act' }, retry: true });
    const { rolloutId } = state().current ?? assert.fail('open');
    const entered = { rolloutId, stage: 'shadow', stageEpoch: 2, share: 0, requestedBy: 'a' };
    await c.given(aggregates.rollouts(MODEL), ['rollout.stage_entered', entered]);
    for (const verb of ['approve', 'reject'])
      await assert.rejects(c.call(verb, { model: MODEL, reason }), {
        message: /with authority act it advances without a person/,
      });
  });

  test('a file whose version serves has nothing left to do, and one that was superseded is not opened again', async () => {
    const { rolloutId } = state().current ?? assert.fail('open');
    await c.given(aggregates.rollouts(MODEL), ['rollout.completed', { rolloutId, stageEpoch: 2 }]);
    const served = await apply('1.0');
    assert.deepEqual([served.outcome, served.changed], ['nothing_to_do', false]);
    assert.match(served.detail, /emoji-search 1\.0 already serves in production; nothing to do/);
    assert.equal((await apply('1.0', { retry: true })).outcome, 'nothing_to_do');

    await apply('1.1');
    const next = state().current?.rolloutId ?? assert.fail('open');
    const entered = { rolloutId: next, stage: 'production', stageEpoch: 3, share: 1, requestedBy: 'a' };
    await c.given(aggregates.rollouts(MODEL), ['rollout.stage_entered', entered]);
    await c.given(aggregates.rollouts(MODEL), ['rollout.completed', { rolloutId: next, stageEpoch: 3 }]);
    await assert.rejects(apply('1.0', { spec: { authority: 'act' } }), {
      code: 'CVE_ROLLOUT_ENDED',
      message: /completed at .* and 1\.1 serves since/,
    });
    await c.call('revert', { model: MODEL, reason: 'it melts' });
    await assert.rejects(apply('1.1'), { code: 'CVE_ROLLOUT_ENDED', message: /by ada: it melts/ });
  });

  test('an incident by the API is read generously, and one that cannot be read holds', async () => {
    const report = { severity: 'p0', title: 'down', model: mistyped };
    const opened = incidentAnswer.parse(await c.call('open_incident', report));
    assert.deepEqual([opened.severity, opened.model], ['P0', null]);
    assert.match(opened.doubts.join(), /did you mean "emoji-search"/);
    await until(() => state().holds[opened.incidentId] !== undefined, 'the hold');
    const unread = incidentAnswer.parse(await c.call('open_incident', { severity: 'urgent', title: 'down' }));
    assert.equal(unread.severity, 'P0');
    await until(() => state().holds[unread.incidentId] !== undefined, 'the hold of the unreadable one');
    const letters = await listDeadLetters(c.bench.bus, { limit: 5 });
    assert.ok(
      letters.some((l) => l.originalSubject === 'conclave.api.open_incident' && l.code === 'CVE_INCIDENT_INVALID'),
    );
    for (const incidentId of [opened.incidentId, unread.incidentId])
      await c.call('resolve_incident', { incidentId, reason });
  });

  const garbage: readonly (readonly [what: string, body: string | Uint8Array])[] = [
    ['of an unknown severity', '{"severity":"P9","title":"x"}'],
    ['without a severity', '{"title":"search is down"}'],
    ['that is no JSON', 'search is down'],
    ['that is no UTF-8', Uint8Array.from([0xff, 0xfe, 0x00])],
    ['that is a list', '[{"severity":"P0","title":"x"}]'],
    ['that is empty', ''],
    ['of more than 64 KB', JSON.stringify({ severity: 'P0', title: 'x', detail: 'y'.repeat(70_000) })],
  ];
  for (const [what, body] of garbage) {
    test(`a report on conclave.incident ${what} holds until a person has looked, with the original beside`, async () => {
      const known = new Set(Object.keys(c.world().incidents));
      c.bench.bus.publishCore(subjects.incident, body);
      const incidentId = await until(
        () => Object.keys(c.world().incidents).find((id) => !known.has(id)),
        'the incident',
      );
      const incident = c.world().incidents[incidentId];
      assert.deepEqual([incident?.severity, incident?.model], ['P0', undefined]);
      await until(() => state().holds[incidentId] !== undefined, 'the hold');
      const bytes = Buffer.from(body);
      await until(
        async () => (await listDeadLetters(c.bench.bus, { limit: 50 })).some((l) => Buffer.from(l.bytes).equals(bytes)),
        'the dead letter',
      );
      await c.call('resolve_incident', { incidentId, reason: 'looked at' });
      await until(() => state().holds[incidentId] === undefined, 'the release');
    });
  }

  test('a P0 in lower case, with fields nobody asked for and a broken envelope, holds as a P0', async () => {
    const body = JSON.stringify({ severity: 'p0', title: 'search is down', runbook: 'https://example.org' });
    c.bench.bus.publishCore(subjects.incident, body, { 'ce-id': 'only this' });
    const incident = await until(
      () => Object.values(c.world().incidents).find((i) => i.title === 'search is down'),
      'it',
    );
    await until(() => state().holds[incident.incidentId] !== undefined, 'the hold');
    await c.call('resolve_incident', { incidentId: incident.incidentId, reason: 'up' });
  });

  test('a flood of garbage is one incident, which counts in doublings', async () => {
    const before = Object.keys(c.world().incidents).length;
    for (let i = 0; i < 100; i++) c.bench.bus.publishCore(subjects.incident, `garbage ${i}`);
    const open = await until(
      () => Object.values(c.world().incidents).find((i) => i.resolved === undefined && (i.reports ?? 1) >= 64),
      'sixty-four of them',
    );
    await until(
      async () =>
        (await listDeadLetters(c.bench.bus, { limit: 500 })).filter((l) =>
          Buffer.from(l.bytes).toString().startsWith('garbage'),
        ).length === 100,
      'a hundred dead letters',
    );
    assert.equal(Object.keys(c.world().incidents).length, before + 1);
    assert.equal(c.world().incidents[open.incidentId]?.reports, 64);
  });
});
