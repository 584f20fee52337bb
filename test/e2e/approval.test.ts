import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callApi } from '@conclave/cli';
import { shortDigest } from '@conclave/contracts';
import { openRollout, verdictSetOf } from '@conclave/core';
import { startSystem } from '../fixtures/system.ts';
import { TINY_MODEL } from '../fixtures/tiny-model.ts';

test('with authority recommend a stage after shadow waits for a person, and is entered once a person has approved', async (t) => {
  const { given, when, expect, world, bus, token } = await startSystem(t);
  await given.adopted('1.0');
  when.traffic(60);
  await when.applied('1.0', { authority: 'recommend', stages: [{ name: 'shadow' }, { name: 'production' }] });
  await expect.holds('a deploy that waits for a person', ({ actions }) =>
    Object.values(actions).find(
      ({ completed }) => completed?.outcome === 'blocked' && /a person must approve/.test(completed.summary),
    ),
  );
  const state = world().rollouts[TINY_MODEL] ?? assert.fail();
  assert.equal(openRollout(state)?.stage, 'shadow');
  assert.equal(openRollout(state)?.vote?.decision, 'go');

  const seen = openRollout(state) ?? assert.fail();
  const approve = (verdicts: string) =>
    callApi(bus, 'approve', { model: TINY_MODEL, reason: 'I have seen the figures', verdicts }, token);
  await assert.rejects(approve('0123456789ab'), /CVE_ROLLOUT_CONFLICT: .* by now, not on 01234567 as you saw/);
  assert.equal(openRollout(world().rollouts[TINY_MODEL] ?? assert.fail())?.approval, undefined);
  await approve(shortDigest(verdictSetOf(seen)));
  const rollout = await expect.ended('1.0');
  assert.equal(rollout.phase, 'completed', rollout.ended?.reason);
});

test('an open P0 holds every advance and takes nothing back; when it is resolved the rollout goes on', async (t) => {
  const { given, when, expect, world, bus, token } = await startSystem(t);
  await given.adopted('1.0');
  when.traffic(60);
  await when.applied('1.0', { stages: [{ name: 'shadow' }, { name: 'production' }] });
  await expect.stage('shadow');
  await when.published('conclave.incident', JSON.stringify({ id: 'p0', severity: 'P0', title: 'search is down' }));
  await expect.holds('the hold', ({ rollouts }) => rollouts[TINY_MODEL]?.holds.p0);
  const held = await callApi(
    bus,
    'deploy',
    { model: TINY_MODEL, version: '1.0', stage: 'production', requestedBy: 'test' },
    token,
  );
  assert.match(JSON.stringify(held), /not_eligible.*search is down/);
  assert.equal(world().rollouts[TINY_MODEL]?.current?.stage, 'shadow');
  await expect.holds('a meeting on the incident, and the end of all that it handed off', ({ schedule, meetings }) => {
    const held = schedule.meetings.find((m) => m.reason === 'incident' && m.endedAt !== undefined);
    if (held === undefined || meetings[held.meetingId]?.closed?.handoff === undefined) return held;
    const plan = schedule.plans[held.meetingId];
    return plan?.actionIds.every((id) => schedule.actions[id]?.state === 'ended') === true ? held : undefined;
  });
  const { current, holds } = world().rollouts[TINY_MODEL] ?? assert.fail();
  assert.deepEqual([current?.phase, current?.stage, Object.keys(holds)], ['progressing', 'shadow', ['p0']]);

  await callApi(bus, 'resolve_incident', { incidentId: 'p0', reason: 'it is up' }, token);
  const rollout = await expect.ended('1.0');
  assert.equal(rollout.phase, 'completed', rollout.ended?.reason);
});
