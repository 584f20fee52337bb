import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aggregates, parseCommit } from '@conclave/contracts';
import { foldWorld, initialWorld, openRollout } from '@conclave/core';
import { draft } from './draft.ts';
import { at, history, historyIn } from './index.ts';

const told = () => historyIn('shadow').wait(60).allPassed().voted('go').advanced('5_percent').serving();

test('the same words make the same commits, with ids that are unique and times that were set', () => {
  assert.deepEqual(told().commits, told().commits);
  const events = told().commits.flatMap((commit) => commit.events);
  assert.equal(new Set(events.map(({ id }) => id)).size, events.length);
  assert.equal(events.at(-1)?.at, at(60).toISOString());
});

test('its world is its commits folded, and goes on with it', () => {
  const h = told();
  const folded = h.commits.reduce(foldWorld, initialWorld());
  assert.deepEqual(JSON.parse(JSON.stringify(h.world)), JSON.parse(JSON.stringify(folded)));
  assert.equal(openRollout(h.rolloutsOf())?.stage, '5_percent');
  h.completed();
  assert.equal(h.world.rollouts['emoji-search']?.stable?.version, '1.1');
});

test('what no service could write is refused where it is told', () => {
  const bad = { leader: 'coordinator-0' } as unknown as { leader: string; leaderEpoch: number };
  assert.throws(() => history().commit(aggregates.schedule, draft('schedule.leader_elected', bad)), {
    code: 'CVE_MESSAGE_MALFORMED',
  });
  assert.throws(() => history().adopted().entered('shadow'), /no rollout of emoji-search is open/);
});

test('what another version writes is written all the same', () => {
  const h = history().foreign(aggregates.schedule, 'schedule.weather_noted', { sunny: true });
  assert.equal(h.commits[0]?.events[0]?.type, 'schedule.weather_noted');
});

test('a stage is entered on the vote that stands, in the next epoch', () => {
  const h = told();
  const { events } = parseCommit('rollouts', h.commits.at(-2) ?? assert.fail());
  const [, entered] = events;
  assert.ok(entered?.type === 'rollout.stage_entered');
  const { stageEpoch, earnedBy } = entered.data;
  assert.deepEqual([stageEpoch, earnedBy?.meetingId], [2, 'meeting-0']);
});

test('commits that were taken are kept no longer, and the history goes on after them', () => {
  const h = history().adopted().applied();
  const [first, second] = h.take();
  assert.deepEqual([first?.seq, second?.seq, h.commits.length], [1, 2, 0]);
  assert.equal(h.entered('shadow').take()[0]?.seq, 3);
  assert.throws(() => h.world, /taken out of this history/);
});
