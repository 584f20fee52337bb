import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aggregates, STAGES } from '@conclave/contracts';
import { openRollout } from '@conclave/core';
import { decidePause } from '../../services/coordinator/src/rollout/pause.ts';
import { Office } from './office.ts';
import { abstains, plansLittle, plansMuch, plansNothing, sensible, vetoes } from './teams.ts';

/*
 * A week at the guide's pace: meetings every 30 minutes at most, heartbeats every 5, a week of soak. Counted are the meetings that the
 * product's own schedule calls.
 */

const DAY_SECONDS = 86_400;
const STEP_SECONDS = 60;
const MOST_A_DAY = 50;
const WEEK_OF_SOAK = { stages: STAGES.map((name) => ({ name, soakSeconds: 7 * DAY_SECONDS })) };
const HOUR_OF_SOAK = { stages: STAGES.map((name) => ({ name, soakSeconds: 3600 })) };
const PACE = { noGoSeconds: 14_400 };

/** Meetings on each of the next days. */
function daily(office: Office, days: number): number[] {
  return Array.from({ length: days }, () => {
    const before = office.calls.length;
    office.pass(DAY_SECONDS, STEP_SECONDS);
    return office.calls.length - before;
  });
}

const assertBounded = (counts: readonly number[]): void =>
  assert.ok(
    counts.every((count) => count <= MOST_A_DAY),
    `at most ${MOST_A_DAY} meetings a day: ${counts}`,
  );

for (const [name, team] of Object.entries({ sensible, plansLittle, plansMuch, vetoes: vetoes(['run_evaluation']) })) {
  test(`a week of soak calls no meeting once the evidence is there (${name})`, () => {
    const office = new Office(PACE, WEEK_OF_SOAK);
    office.team = team;
    office.pass(3600, STEP_SECONDS);
    assert.equal(openRollout(office.t.state)?.stage, 'shadow');
    const early = office.calls.length;
    assert.ok(early >= 2 && early <= 6, `the first stage and its evidence are met about: ${early}`);
    assert.deepEqual(daily(office, 6), [0, 0, 0, 0, 0, 0]);
  });

  test(`a week in which a person is waited for calls no meeting (${name})`, () => {
    const office = new Office(PACE, { ...HOUR_OF_SOAK, authority: 'recommend' });
    office.team = name === 'vetoes' ? sensible : team;
    office.pass(4 * 3600, STEP_SECONDS);
    assert.equal(openRollout(office.t.state)?.vote?.decision, 'go');
    assert.deepEqual(daily(office, 6), [0, 0, 0, 0, 0, 0]);
  });

  test(`a week of pause calls no meeting (${name})`, () => {
    const office = new Office(PACE, HOUR_OF_SOAK);
    office.team = team;
    office.pass(1800, STEP_SECONDS);
    office.t.appendRollout(decidePause(office.t.state, 'wait', 'op', office.t.facts()));
    assert.deepEqual(daily(office, 6), [0, 0, 0, 0, 0, 0]);
  });
}

test('an open P0 is met about once, and holds for a week without another meeting', () => {
  const office = new Office(PACE, HOUR_OF_SOAK);
  office.pass(1800, STEP_SECONDS);
  const { t } = office;
  const data = { incidentId: 'p0', severity: 'P0', title: 'down', detail: '', source: '' };
  t.append(aggregates.incident('p0'), [{ id: 'p0', type: 'incident.opened', at: t.now.toISOString(), data }]);
  assert.deepEqual(daily(office, 6), [1, 0, 0, 0, 0, 0]);
});

test('an installation without a rollout holds no meeting', () => {
  const office = new Office(PACE);
  office.t.appendRollout([
    {
      id: 'abort',
      type: 'rollout.aborted',
      at: office.t.now.toISOString(),
      data: { rolloutId: openRollout(office.t.state)?.rolloutId ?? '', by: 'op', reason: 'no' },
    },
  ]);
  assert.deepEqual(daily(office, 3), [1, 0, 0], 'the end itself is told once');
});

test('a team that plans nothing is asked again, ever more rarely', () => {
  const office = new Office(PACE, WEEK_OF_SOAK);
  office.team = plansNothing;
  const counts = daily(office, 7);
  assertBounded(counts);
  assert.ok(
    counts.slice(1).every((count) => count >= 3 && count <= 8),
    `every few hours: ${counts}`,
  );
});

for (const [name, team] of Object.entries({
  'a veto without a wish': vetoes([]),
  'a veto that wants another evaluation': vetoes(['run_evaluation']),
  'a veto that wants what no tool brings': vetoes(['more_trust']),
  'a veto that wants to be asked every minute': vetoes([], 1),
  abstention: abstains,
})) {
  test(`a week of ${name} keeps to the bound, and the vote comes again`, () => {
    const office = new Office(PACE, HOUR_OF_SOAK);
    office.team = team;
    const counts = daily(office, 7);
    assertBounded(counts);
    assert.ok(
      counts.every((count) => count >= 3),
      `nobody is forgotten: ${counts}`,
    );
    assert.equal(openRollout(office.t.state)?.stage, 'shadow');
    office.team = sensible;
    office.pass((6 * DAY_SECONDS) / 4, STEP_SECONDS);
    assert.notEqual(openRollout(office.t.state)?.stage, 'shadow', 'and is not permanent');
  });
}

test('a veto that gets what it asks for ends then, not when its time has passed', () => {
  const office = new Office({ noGoSeconds: 10 * DAY_SECONDS }, HOUR_OF_SOAK);
  office.team = vetoes(['run_evaluation']);
  office.pass(3 * 3600, STEP_SECONDS);
  const lifted = office.t.commits.flatMap((c) => c.events).find((e) => e.type === 'rollout.vote_lifted');
  assert.match(JSON.stringify(lifted), /run_evaluation succeeded, as critic asked/);
});

test('incidents and insights without end do not exceed the bound of an hour', () => {
  const office = new Office({ ...PACE, meetingsPerHour: 6 }, HOUR_OF_SOAK);
  const { t } = office;
  for (let minute = 0; minute < 24 * 60; minute++) {
    const at = t.now.toISOString();
    const incident = { incidentId: `i${minute}`, severity: 'P1', title: 'slow', detail: '', source: '' };
    t.append(aggregates.incident(`i${minute}`), [{ id: `i${minute}`, type: 'incident.opened', at, data: incident }]);
    const insight = { insightId: `n${minute}`, text: 'x', line: 'v2_research', source: '' };
    t.append(aggregates.roadmap, [{ id: `n${minute}`, type: 'roadmap.insight_recorded', at, data: insight }]);
    office.step(STEP_SECONDS);
  }
  const { calls } = office;
  const busiest = Math.max(...calls.map((at) => calls.filter((other) => other >= at && other < at + 3_600_000).length));
  assert.ok(busiest <= 6, `at most 6 an hour: ${busiest}`);
});

test('however many incidents are open, each is met about once', () => {
  const office = new Office(PACE, WEEK_OF_SOAK);
  office.pass(3600, STEP_SECONDS);
  const { t } = office;
  for (let n = 0; n < 350; n++) {
    const data = { incidentId: `i${n}`, severity: 'P1', title: 'slow', detail: '', source: '' };
    t.append(aggregates.incident(`i${n}`), [{ id: `i${n}`, type: 'incident.opened', at: t.now.toISOString(), data }]);
  }
  assert.deepEqual(daily(office, 3), [4, 0, 0]);
});
