import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { PLANNING_ROLES } from '@conclave/contracts';
import { loadConfig } from '@conclave/service';
import { seatTeam } from './team.ts';

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
  const env = { ANTHROPIC_API_KEY: 'a', OPENAI_API_KEY: 'b', GOOGLE_API_KEY: 'c' };
  const team = seatTeam(loadConfig(join(CONFIG, 'meeting.yaml')), env);
  assert.deepEqual(
    PLANNING_ROLES.map((role) => {
      const seat = team[role];
      return 'absent' in seat ? seat.absent : seat.speaker.adapter;
    }),
    ['anthropic', 'anthropic', 'anthropic', 'openai', 'openai', 'google'],
  );
});

test('every agent of the default configuration may say as much as a plan needs, and no more than its model can', () => {
  const most: Readonly<Record<string, number>> = {
    'claude-opus-4-20250514': 32_000,
    'claude-sonnet-4-20250514': 64_000,
    'gpt-4-turbo': 4096,
    'gemini-2.0-flash': 8192,
  };
  const { planningTeam, executiveTeam } = loadConfig(join(CONFIG, 'autonomous_coordination.yaml'));
  for (const agent of [...Object.values(planningTeam), ...Object.values(executiveTeam)]) {
    assert.ok(agent.adapter !== 'rules');
    assert.ok(agent.maxOutputTokens <= (most[agent.model] ?? 0), agent.model);
    assert.ok(agent.maxOutputTokens >= 4096, agent.model);
  }
  assert.ok('maxOutputTokens' in planningTeam.moderator && planningTeam.moderator.maxOutputTokens >= 8192);
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
