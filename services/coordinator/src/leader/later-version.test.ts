import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { holdLease } from '@conclave/bus';
import { until } from '@conclave/bus/testing';
import { aggregates, changedAnswer, rollbackAnswer, sha256, subjects } from '@conclave/contracts';
import { openRollout, standingOf, unreadOf } from '@conclave/core';
import { newVotes } from '../rollout/votes.ts';
import { type LeadingCoordinator, startLeading } from '../testing/leading.ts';
import { RULES, Simulation } from '../testing/simulation.ts';
import { MODEL, definition as testDefinition } from '../testing/test-world.ts';

const UNREADABLE = 'rollout.teleported';
const STAGES = testDefinition().spec.stages.map(({ name }) => name);

test('beside a model with a commit from the future, another goes on to production', () => {
  const s = new Simulation('act');
  s.t.foreign(aggregates.rollouts('other'), UNREADABLE, {});
  for (const stage of STAGES) {
    s.t.foreign(aggregates.action('x'), 'action.teleported', {}).foreign(aggregates.meeting('m'), 'meeting.joked', {});
    assert.equal(s.deploy(stage), 'entered', stage);
    s.earn('nothing');
  }
  s.settle();
  assert.deepEqual([s.t.state.current?.phase, s.t.state.stable?.version], ['completed', '1.0']);
  assert.deepEqual(unreadOf(s.t.world, aggregates.rollouts('other'))?.type, UNREADABLE);
});

test('of a meeting with something that cannot be read nobody knows how it voted', () => {
  const s = new Simulation('act');
  s.deploy('shadow');
  s.earn('vote');
  const meetingId = s.t.meet(() => 'go');
  const rollout = openRollout(s.t.state) ?? assert.fail('it is open');
  const votes = () => newVotes(rollout, s.t.world, { tallyRules: RULES, noGoSeconds: 60 }, s.t.facts());
  assert.equal(votes().length, 1);
  s.t.foreign(aggregates.meeting(meetingId), 'meeting.vote_withdrawn', {});
  assert.deepEqual(votes(), []);
});

test('an incident that cannot be read passes no gate, and says whom to upgrade; one that is known stays what it was', () => {
  const s = new Simulation('act');
  s.deploy('shadow');
  s.earn('nothing');
  const p0 = () => openRollout(s.t.state)?.verdicts.p0_incidents;
  assert.equal(p0()?.outcome, 'pass');
  s.t.incident('P1', { incidentId: 'known' }).foreign(aggregates.incident('known'), 'incident.escalated', {});
  s.settle();
  assert.equal(p0()?.outcome, 'pass');
  s.t.foreign(aggregates.incident('alien'), 'incident.beamed', {});
  s.settle();
  assert.equal(p0()?.outcome, 'inconclusive');
  assert.match(
    p0()?.sentence ?? '',
    /commit \d+ of incidents\/alien has event incident\.beamed.*upgrade the coordinators/,
  );
});

test('no meeting is held about a rollout that cannot be read', () => {
  const s = new Simulation('act');
  const standing = () => standingOf(s.t.world, s.t.state, openRollout(s.t.state) ?? assert.fail('open'), s.t.now, 60);
  assert.equal(standing().for, 'meeting');
  s.t.foreign(aggregates.rollouts(MODEL), UNREADABLE, {});
  const now = standing();
  assert.equal(now.for === 'other' && now.wait.kind, 'upgrade');
});

suite('a leading coordinator and commits of a later version', () => {
  let c: LeadingCoordinator;
  const DATASET = sha256('queries');
  const models = ['left', 'right'];
  const definitionOf = (model: string) => ({
    apiVersion: 'conclave/v1',
    kind: 'ModelRollout',
    metadata: { name: `${model}-1` },
    spec: { model, version: '1.0', dataset: 'queries', stages: [{ name: 'shadow' }, { name: 'production' }] },
  });
  const refused = {
    code: 'CVE_JOURNAL_UNKNOWN_EVENT',
    message: /of rollouts\/left has event rollout\.teleported.*upgrade/,
  };

  before(async () => {
    c = await startLeading();
    const dataset = { name: 'queries', digest: DATASET, description: '', documents: 3, queries: 600, bytes: 1 };
    await c.call('register_dataset', dataset);
    for (const model of models) {
      for (const version of ['0.9', '1.0'])
        await c.call('register_model', {
          model,
          version,
          digest: sha256(`${model} ${version}`),
          description: '',
          bytes: 1,
        });
      await c.call('adopt', { model, version: '0.9', dataset: 'queries' });
      await c.call('apply', { definition: definitionOf(model) });
    }
    await c.given(aggregates.rollouts('left'), [UNREADABLE, {}]);
  });
  after(() => c[Symbol.asyncDispose]());

  test('refuse on that model alone, naming event, sequence and way out', async () => {
    for (const [verb, body] of [
      ['deploy', { version: '1.0', stage: 'shadow', requestedBy: 'x' }],
      ['pause', { reason: 'r' }],
      ['override', { gate: 'p0_incidents', reason: 'r' }],
    ] as const)
      await assert.rejects(c.call(verb, { model: 'left', ...body }), refused, verb);
    const asked = { model: 'right', version: '1.0', stage: 'shadow', requestedBy: 'x' };
    assert.deepEqual(Object(await c.call('deploy', asked)).outcome, 'entered');
    assert.equal(c.world().rollouts.left?.current?.stage, undefined);
  });

  test('confirm the others to the runners, and not that one: stable serves it', async () => {
    const heard: string[] = [];
    const hearing = c.bench.bus.subscribeCore(subjects.desiredAll, (message) => {
      heard.push(String(Object(message.json()).model));
    });
    await until(() => heard.length >= 2, 'two rounds of confirmations');
    hearing.unsubscribe();
    assert.deepEqual(new Set(heard), new Set(['right']));
  });

  test('go on with what they record of the others by themselves', async () => {
    const report = { severity: 'P0', title: 'down', model: 'right', source: 'test' };
    const { incidentId } = Object(await c.call('open_incident', report));
    await until(() => c.world().rollouts.right?.holds[incidentId] !== undefined, 'the hold');
    await c.call('resolve_incident', { incidentId, reason: 'r' });
    await until(() => c.world().rollouts.right?.holds[incidentId] === undefined, 'its end');
    assert.deepEqual(c.world().rollouts.left?.holds, {});
  });

  test('adopt and apply nothing of a model whose registrations cannot be read', async () => {
    const model = 'third';
    await c.call('register_model', { model, version: '0.9', digest: sha256('third'), description: '', bytes: 1 });
    await c.given(aggregates.model(model), ['model.withdrawn', {}]);
    const unread = { code: 'CVE_JOURNAL_UNKNOWN_EVENT', message: /of models\/third has event model\.withdrawn/ };
    await assert.rejects(c.call('adopt', { model, version: '0.9', dataset: 'queries' }), unread);
    await assert.rejects(c.call('apply', { definition: definitionOf(model) }), unread);
    const register = { model, version: '1.0', digest: sha256('third 1'), description: '', bytes: 1 };
    await assert.rejects(c.call('register_model', register), unread);
  });

  test('say so in status and explain', async () => {
    const sentence = /commit \d+ of rollouts\/left has event rollout\.teleported.*upgrade this coordinator/;
    const { unread } = Object(await c.call('status', {}));
    assert.equal(unread.length, 2);
    assert.match(unread[0], sentence);
    assert.match(Object(await c.call('explain', { model: 'left' })).unread[0], sentence);
    assert.deepEqual(Object(await c.call('explain', { model: 'right' })).unread, []);
  });

  test('take back what is known, and say that something is not known where nothing is', async () => {
    const abort = { model: 'left', reason: 'in doubt' };
    assert.equal(rollbackAnswer.parse(await c.call('abort', abort)).outcome, 'rolled_back');
    assert.equal(c.world().rollouts.left?.current?.phase, 'rolled_back');
    await assert.rejects(c.call('abort', abort), refused);
    assert.equal(changedAnswer.parse(await c.call('pause', { model: 'right', reason: 'r' })).changed, true);
  });

  test('on the schedule end its lead: another may, and aborts are answered as before', async () => {
    await c.given(aggregates.schedule, ['schedule.teleported', {}]);
    const acquired = Promise.withResolvers<void>();
    const other = { holder: 'coordinator-9', onAcquired: () => acquired.resolve(), onLost() {} };
    const lease = holdLease(c.bench.bus, { name: 'coordinator', ttlMs: 2000, ...other });
    await acquired.promise;
    const abort = { model: 'right', reason: 'in doubt' };
    assert.equal(rollbackAnswer.parse(await c.call('abort', abort)).outcome, 'rolled_back');
    await lease.release();
  });
});
