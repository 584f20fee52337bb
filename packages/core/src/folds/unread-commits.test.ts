import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AGGREGATE_KINDS, type Aggregate, type AggregateKind, aggregates, sha256 } from '@conclave/contracts';
import { history } from '@conclave/histories';
import { describeUnread } from '../describe/index.ts';
import { aggregateKey, allUnread, refuseUnread, unreadOf } from './unread-commits.ts';

const MODEL = 'search';
const searching = () => history({ model: MODEL, stable: '0.9', candidate: '1.0', dataset: 'queries' });
/** One of each kind on record. */
const everything = () =>
  searching()
    .registered()
    .adopted()
    .applied()
    .planned('plan', ['smoke_test'])
    .started('a')
    .evaluated(0.7, { id: 'e' })
    .meetingOpened('m')
    .incident('P2', { incidentId: 'i' })
    .insight('short queries are hard');

const OF_KIND: Readonly<Record<AggregateKind, Aggregate>> = {
  schedule: aggregates.schedule,
  roadmap: aggregates.roadmap,
  rollouts: aggregates.rollouts(MODEL),
  meetings: aggregates.meeting('m'),
  actions: aggregates.action('a'),
  evaluations: aggregates.evaluation('e'),
  incidents: aggregates.incident('i'),
  models: aggregates.model(MODEL),
};

for (const kind of AGGREGATE_KINDS) {
  test(`${kind}: what cannot be read is noted and leaves all as it was but the sequence, known events go on`, () => {
    const h = everything();
    const aggregate = OF_KIND[kind];
    const before = structuredClone(h.world);
    const seq = h.foreign(aggregate, 'event.of_a_later_version', { any: 'thing' }).seq;
    const { unread, shelves, ...world } = structuredClone(h.world);
    assert.deepEqual(unread, { [aggregateKey(aggregate)]: { seq, type: 'event.of_a_later_version' } });
    const own: Partial<Record<AggregateKind, { seq: number } | undefined>> = {
      ...{
        schedule: world.schedule,
        roadmap: world.roadmap,
        rollouts: world.rollouts[MODEL],
        meetings: world.meetings.m,
      },
      ...{ actions: world.actions.a, evaluations: world.evaluations.e, incidents: world.incidents.i },
      models: world.registry[MODEL],
    };
    assert.equal(own[kind]?.seq, seq, 'whoever appends goes on from it');
    const plain = (text: object): string => JSON.stringify(text).replaceAll(/"seq":\d+/g, '');
    const { unread: _none, shelves: _shelves, ...old } = before;
    assert.equal(plain(world), plain(old));
    assert.equal(shelves.unread.size, 1);
  });
}

test('who must decide refuses with event, sequence and way out, and on that aggregate alone', () => {
  const h = everything().foreign(aggregates.rollouts(MODEL), 'rollout.frozen', {});
  const { seq } = h;
  h.foreign(aggregates.rollouts(MODEL), 'rollout.thawed', {}).foreign(aggregates.schedule, 'schedule.weather', {});
  assert.throws(() => refuseUnread(h.world, aggregates.rollouts(MODEL)), {
    code: 'CVE_JOURNAL_UNKNOWN_EVENT',
    retry: 'retryable',
    message: new RegExp(`commit ${seq} of rollouts/search has event rollout\\.frozen.*upgrade this service`),
  });
  assert.doesNotThrow(() => refuseUnread(h.world, aggregates.rollouts('other')));
  assert.doesNotThrow(() => refuseUnread(h.world, aggregates.model(MODEL)));
  assert.deepEqual(
    allUnread(h.world).map(({ key }) => key),
    ['rollouts/search', 'schedule'],
  );
  assert.deepEqual(describeUnread(h.world, 'this command'), [
    `commit ${seq} of rollouts/search has event rollout.frozen, which this version cannot read: upgrade this command; services of its version decide nothing on that`,
    `commit ${seq + 2} of schedule has event schedule.weather, which this version cannot read: upgrade this command; services of its version decide nothing on that`,
  ]);
});

test('a known event in a shape that is not known is not read either, and nothing of its commit', () => {
  const h = everything();
  h.foreign(aggregates.rollouts(MODEL), 'rollout.aborted', { because: 'of a later version' });
  assert.equal(unreadOf(h.world, aggregates.rollouts(MODEL))?.type, 'rollout.aborted');
  assert.equal(h.world.rollouts[MODEL]?.current?.ended, undefined);
});

test('a forgotten model goes on from a commit that cannot be read, too', () => {
  const h = searching().adopted().forgotten().foreign(aggregates.rollouts(MODEL), 'rollout.frozen', {});
  assert.equal(h.world.forgotten[MODEL]?.seq, h.seq);
});

test('an abort that is known ends a rollout of which something is not', () => {
  const h = everything().foreign(aggregates.rollouts(MODEL), 'rollout.frozen', {}).aborted();
  assert.equal(h.world.rollouts[MODEL]?.current?.phase, 'rolled_back');
});

test('of what cannot be read so much is noted, and all of it on which models and the schedule rest', () => {
  const h = everything().foreign(aggregates.schedule, 'x.y', {}).foreign(aggregates.rollouts(MODEL), 'x.y', {});
  for (let n = 0; n < 3000; n++) h.foreign(aggregates.action(sha256(`${n}`)), 'x.y', {});
  const keys = Object.keys(h.world.unread);
  assert.ok(keys.length <= 1250, `${keys.length}`);
  assert.ok(keys.includes('schedule') && keys.includes(`rollouts/${MODEL}`));
  assert.ok(keys.includes(`actions/${sha256('2999')}`) && !keys.includes(`actions/${sha256('0')}`));
});
