import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { canSpeak, planSeat, surveySeats, tierOf } from '@conclave/agents';
import { PLANNING_ROLES } from '@conclave/contracts';
import { loadConfig } from '@conclave/service';
import { seatTeam } from './team.ts';

const ALL_KEYS = { ANTHROPIC_API_KEY: 'a', OPENAI_API_KEY: 'b', GOOGLE_API_KEY: 'c' };
const CONFIG = join(import.meta.dirname, '../../../../config');

test('the demonstration seats six rules', () => {
  const team = seatTeam(loadConfig(join(CONFIG, 'demo.yaml')), {});
  assert.deepEqual(
    PLANNING_ROLES.map((role) => {
      const seat = team[role];
      return 'absent' in seat ? seat.absent : seat.speaker.adapter;
    }),
    PLANNING_ROLES.map(() => 'rules'),
  );
});

test('the default team is the guide’s, with all keys', () => {
  const team = seatTeam(loadConfig(join(CONFIG, 'meeting.yaml')), ALL_KEYS);
  assert.deepEqual(
    PLANNING_ROLES.map((role) => {
      const seat = team[role];
      return 'absent' in seat ? seat.absent : seat.speaker.adapter;
    }),
    ['anthropic', 'anthropic', 'anthropic', 'openai', 'openai', 'google'],
  );
});

const DAY = new Date('2026-11-27');

test('every chair of the default configuration names a living tier, may say as much as a plan needs, and ends with another vendor', () => {
  const { planningTeam, executiveTeam } = loadConfig(join(CONFIG, 'autonomous_coordination.yaml'));
  for (const agent of [...Object.values(planningTeam), ...Object.values(executiveTeam)]) {
    assert.ok(agent.adapter !== 'rules');
    assert.ok(tierOf(agent.adapter, agent.model), agent.model);
    assert.ok(agent.maxOutputTokens >= 8192, agent.model);
    assert.notEqual(agent.substitutes.at(-1)?.adapter, agent.adapter);
    const { candidates, warnings } = planSeat(agent, ALL_KEYS, new Map(), DAY);
    assert.deepEqual([candidates.every(canSpeak), warnings], [true, []]);
  }
});

test('the loss of any one key, and of any two, leaves every chair of both teams somebody who can speak', () => {
  const config = loadConfig(join(CONFIG, 'autonomous_coordination.yaml'));
  for (const left of Object.keys(ALL_KEYS)) {
    const seats = surveySeats(config, { [left]: 'k' }, new Map(), DAY);
    assert.deepEqual(
      seats.flatMap(({ role, chosen }) => (chosen === undefined ? [role] : [])),
      [],
      `only ${left}`,
    );
  }
});

test('without keys every seat is absent and names its variable', () => {
  const team = seatTeam(loadConfig(join(CONFIG, 'meeting.yaml')), {});
  for (const role of PLANNING_ROLES) {
    const seat = team[role];
    assert.match('absent' in seat ? seat.absent : '', /_API_KEY is not set/);
  }
});

test('a prompt that cannot be read makes the seat absent', () => {
  const config = loadConfig(join(CONFIG, 'meeting.yaml'));
  const { moderator } = config.planningTeam;
  const lost = { ...config.planningTeam, moderator: { ...moderator, prompt: '/nowhere/moderator.md' } };
  const seat = seatTeam({ planningTeam: lost }, { ANTHROPIC_API_KEY: 'a' }).moderator;
  assert.match('absent' in seat ? seat.absent : '', /prompt of moderator cannot be read/);
});
