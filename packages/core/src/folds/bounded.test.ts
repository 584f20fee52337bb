import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aggregates, digestOf, parseCommit } from '@conclave/contracts';
import { draft, firstCommits, history } from '@conclave/histories';
import { foldWorld } from './fold-world.ts';
import { initialWorld, type World } from './world.ts';

const searching = () => history({ model: 'search', stable: '0.9', candidate: '1.0', dataset: 'queries' });

/** Entries of each part, for comparison. */
function sizes(world: World): Record<string, number> {
  const { schedule, rollouts, roadmap } = world;
  const models = Object.values(rollouts);
  const count = (record: object): number => Object.keys(record).length;
  return {
    meetings: count(world.meetings),
    actions: count(world.actions),
    evaluations: count(world.evaluations),
    incidents: count(world.incidents),
    registry: count(world.registry),
    counts: Object.values(world.counts).reduce((sum, names) => sum + count(names), 0),
    insights: roadmap.insights.length,
    plans: count(schedule.plans),
    scheduled: count(schedule.actions),
    called: schedule.meetings.length,
    index: Object.values(schedule.index).reduce((sum, part) => sum + count(Object(part)), 0),
    past: Math.max(...models.map(({ past }) => past.length)),
    summaries: Math.max(...models.flatMap(({ past }) => past.map(({ summaries }) => summaries.length))),
    bytes: JSON.stringify(world).length,
  };
}

const commits = [...firstCommits(24_000)];

test('a world of twice as many commits is no larger', () => {
  const world = initialWorld();
  for (const commit of commits.slice(0, 12_000)) foldWorld(world, commit);
  const half = sizes(world);
  for (const commit of commits.slice(12_000)) foldWorld(world, commit);
  const whole = sizes(world);
  // What comes rarely has not reached its number by then.
  const rare: Readonly<Record<string, number>> = { incidents: 250, insights: 100, past: 20 };
  for (const [part, size] of Object.entries(whole))
    assert.ok(size <= Math.max(1.3 * (half[part] ?? 0), rare[part] ?? 0), `${part}: ${half[part]} and then ${size}`);
  assert.ok(whole.bytes !== undefined && whole.bytes < 4_000_000, `${whole.bytes} bytes`);
});

test('a snapshot at any commit and the rest give the same world', () => {
  const some = commits.slice(0, 6000);
  const whole = digestOf(some.reduce(foldWorld, initialWorld()));
  for (const at of [1, 1999, 3001, 4500, 5999]) {
    const snapshot: World = JSON.parse(JSON.stringify(some.slice(0, at).reduce(foldWorld, initialWorld())));
    assert.equal(digestOf(some.slice(at).reduce(foldWorld, snapshot)), whole, `at ${at}`);
  }
});

test('the world is changed in place, and what stood in it before stays as it was', () => {
  const world = initialWorld();
  const { rollouts } = world;
  const [first, ...rest] = commits.slice(0, 400);
  if (first !== undefined) assert.equal(foldWorld(world, first), world);
  for (const commit of rest) {
    const before = world.rollouts[commit.aggregate.id];
    const copy = structuredClone(before);
    foldWorld(world, commit);
    assert.deepEqual(before, copy);
  }
  assert.equal(world.rollouts, rollouts);
});

test('ballots, meetings and actions are counted over the whole journal, whatever the world keeps', () => {
  const world = commits.reduce(foldWorld, initialWorld());
  const expected = new Map<string, number>();
  const add = (key: string): void => void expected.set(key, (expected.get(key) ?? 0) + 1);
  const tools = new Map<string, string>();
  for (const commit of commits) {
    if (commit.aggregate.kind === 'meetings')
      for (const { type, data } of parseCommit('meetings', commit).events) {
        if (type === 'meeting.closed') add(`meetings ${data.outcome}`);
        if (type === 'meeting.turn_taken')
          for (const { vote } of data.ballots ?? []) add(`ballots ${data.role}|${vote}`);
      }
    if (commit.aggregate.kind === 'actions')
      for (const { type, data } of parseCommit('actions', commit).events)
        if (type === 'action.tool_called') tools.set(commit.aggregate.id, data.tool);
    if (commit.aggregate.kind === 'schedule')
      for (const { type, data } of parseCommit('schedule', commit).events) {
        if (type === 'schedule.plan_accepted')
          for (const { actionId, tool } of data.actions) if (tool !== undefined) tools.set(actionId, tool);
        if (type === 'schedule.meeting_skipped') add('meetings skipped');
        if (type === 'schedule.action_ended') add(`actions ${data.outcome}|${tools.get(data.actionId) ?? 'none'}`);
        if (type === 'schedule.action_superseded') add(`actions superseded|${tools.get(data.actionId) ?? 'none'}`);
      }
  }
  const counted = Object.entries(world.counts).flatMap(([what, names]) =>
    Object.entries(names).map(([name, count]) => [`${what} ${name}`, count] as const),
  );
  assert.deepEqual(new Map(counted.toSorted()), new Map([...expected].toSorted()));
  assert.ok(counted.length > 15);
});

test('what changes nothing is not counted either', () => {
  const h = searching().planned('plan', ['smoke_test', 'check_file']);
  h.ended('plan:1').ended('plan:1', 'failed').superseded('plan:1', 'other').ended('unknown:1');
  h.dispatched('plan:2').started('plan:2').toolCalled('plan:2', 'collect_metrics').ended('plan:2', 'blocked');
  h.meetingOpened('m').turn('m', 'statement', 'critic').turn('m', 'statement', 'critic');
  h.meetingClosed('m').meetingClosed('m', { outcome: 'failed' });
  h.planned('twice', ['check_file']);
  const end = draft('schedule.action_ended', { actionId: 'twice:1', outcome: 'failed' });
  h.commit(aggregates.schedule, end, end);
  h.adopted().applied().entered('shadow');
  const ballot = h.ballot('critic', 'no_go');
  h.meetingOpened('v').commit(aggregates.meeting('v'), ballot).commit(aggregates.meeting('v'), ballot);
  h.meetingClosed('v').commit(aggregates.meeting('v'), h.ballot('moderator', 'go'));
  const { counts } = h.world;
  assert.deepEqual(counts.actions, { 'succeeded|smoke_test': 1, 'blocked|collect_metrics': 1, 'failed|check_file': 1 });
  assert.deepEqual(counts.meetings, { decided: 2 });
  assert.deepEqual(counts.ballots, { 'critic|no_go': 1 });
  const before = structuredClone(h.world);
  for (const commit of h.commits) foldWorld(h.world, commit);
  assert.deepEqual(h.world, before);
});

test('names beyond the 500th are counted together', () => {
  const world = initialWorld();
  for (let n = 0; n < 601; n++) {
    const planId = `plan-${n}`;
    const h = searching();
    const at = h.now.toISOString();
    const action = { ...{ actionId: `${planId}:1`, planId, action: 'a', owner: 'ops_commander', priority: 'high' } };
    const planned = {
      ...action,
      estimatedDuration: '',
      successCriteria: '',
      tool: n === 600 ? 'tool-0' : `tool-${n}`,
      dependsOn: [],
    };
    const plan = { planId, digest: 'd', source: '', origin: 'user', actions: [planned] };
    const events = [
      { id: `${n}a`, type: 'schedule.plan_accepted', at, data: plan },
      { id: `${n}b`, type: 'schedule.action_ended', at, data: { actionId: action.actionId, outcome: 'failed' } },
    ];
    for (const event of events)
      foldWorld(world, {
        ...{ aggregate: { kind: 'schedule', id: '' }, seq: world.seq + 1, storedAt: at, by: 'test', fence: undefined },
        events: [event],
      });
  }
  const names = Object.keys(world.counts.actions);
  assert.equal(names.length, 501);
  assert.deepEqual([world.counts.actions.other, world.counts.actions['failed|tool-0']], [100, 2]);
});

test('a meeting that goes on and an action that runs stay, however many others end', () => {
  const h = searching().meetingOpened('goes-on').started('runs');
  for (let n = 0; n < 200; n++) h.meetingClosed(`m${n}`);
  for (let n = 0; n < 1000; n++) h.actionCompleted(`a${n}`);
  assert.deepEqual([h.world.meetings['goes-on']?.seq, h.world.actions.runs?.attempt], [1, 1]);
  assert.deepEqual([h.world.meetings.m0, h.world.actions.a0], [undefined, undefined]);
});

test('open incidents stay, however many come after them and end', () => {
  const h = searching().incident('P0', { incidentId: 'open' });
  for (let n = 0; n < 500; n++) h.incident('P2', { incidentId: `i${n}` }).resolved(`i${n}`);
  const ids = Object.keys(h.world.incidents);
  assert.ok(ids.includes('open') && ids.includes('i499') && !ids.includes('i0'));
  assert.ok(ids.length <= 250, `${ids.length}`);
  for (let n = 0; n < 500; n++) h.incident('P2', { incidentId: `o${n}` });
  assert.ok(Object.hasOwn(h.world.incidents, 'o0'), 'none that is open is dropped');
});

test('of forgotten models the newest are known, and one that is adopted again begins where it ended', () => {
  const h = history();
  for (let n = 0; n < 300; n++)
    h.about({ model: `m${n}` })
      .adopted()
      .applied()
      .entered('shadow')
      .forgotten();
  assert.deepEqual(Object.keys(h.world.rollouts), []);
  const known = Object.keys(h.world.forgotten);
  assert.ok(known.length >= 100 && known.length <= 125, `${known.length}`);
  assert.ok(known.includes('m299') && !known.includes('m0'));
  const { seq, stageEpoch } = h.world.forgotten.m299 ?? assert.fail('it is known');
  assert.deepEqual([seq, stageEpoch], [h.seq, 1]);
  h.about({ model: 'm299' }).adopted();
  assert.equal(h.world.rollouts.m299?.stageEpoch, 1, 'evidence of the first life is none of the second');
  h.about({ model: 'm0' }).adopted();
  assert.equal(h.world.rollouts.m0?.stageEpoch, 1, 'nor where nothing is known of the first');
  assert.deepEqual([h.world.forgotten.m299, h.world.rollouts.m299?.forgotten], [undefined, undefined]);
  assert.equal(h.world.shelves.forgotten.size, Object.keys(h.world.forgotten).length);
});

test('of the calls of an action the newest stay, and those that have not returned', () => {
  const h = searching();
  const call = (n: number): void => {
    h.toolCalled('a', 'smoke_test', { callId: `c${n}` });
  };
  h.started('a');
  call(0);
  for (let n = 1; n < 200; n++) {
    call(n);
    h.toolReturned('a', 'smoke_test', { callId: `c${n}` });
  }
  const ids = (h.world.actions.a?.calls ?? []).map(({ callId }) => callId);
  assert.deepEqual([ids.length, ids[0], ids.at(-1)], [50, 'c0', 'c199']);
});

test('summaries of a rollout and past rollouts of a model are bounded', () => {
  const h = searching().adopted();
  for (let n = 0; n < 30; n++) {
    h.applied({ rolloutId: `r${n}` }).entered('shadow');
    for (let m = 0; m < 25; m++) h.summarised({ candidateRequests: m });
    h.aborted();
  }
  const state = h.world.rollouts.search ?? assert.fail('it is there');
  assert.deepEqual([state.past.length, state.past[0]?.rolloutId], [20, 'r28']);
  assert.deepEqual([state.current?.summaries.length, state.current?.summaries.at(-1)?.candidateRequests], [20, 24]);
});
