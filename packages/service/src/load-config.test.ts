import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type AgentConfig, EXECUTIVE_ROLES, PLANNING_ROLES } from '@conclave/contracts';
import { loadConfig } from './load-config.ts';

const committed = (name: string): string => fileURLToPath(new URL(`../../../config/${name}`, import.meta.url));

function written(files: Record<string, string>): string {
  const dir = mkdtempSync(join(tmpdir(), 'conclave-config-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  return join(dir, 'main.yaml');
}

test("the default keeps the guide's pace and teams", () => {
  const { pace, limits, planningTeam, executiveTeam } = loadConfig(committed('autonomous_coordination.yaml'));
  assert.equal(pace.meetingIntervalSeconds, 30 * 60);
  assert.equal(pace.heartbeatIntervalSeconds, 5 * 60);
  assert.equal(pace.soakSeconds, 7 * 24 * 3600);
  assert.equal(limits.actionsPerHeartbeat, 3);
  assert.equal(limits.maxActionsPerMeeting, 20);
  const adapters = [...Object.values(planningTeam), ...Object.values(executiveTeam)].map((agent) => agent.adapter);
  assert.equal(adapters.length, 12);
  assert.ok(!adapters.includes('rules'));
});

test('the demonstration compresses time only, and seats rules', () => {
  const demo = loadConfig(committed('demo.yaml'));
  const real = loadConfig(committed('without_keys.yaml'));
  assert.ok(demo.pace.soakSeconds < real.pace.soakSeconds);
  assert.equal(demo.limits.desiredConfirmationTimeoutMs, real.limits.desiredConfirmationTimeoutMs);
  assert.deepEqual(demo.meeting, real.meeting);
  assert.ok(Object.values(demo.planningTeam).every((agent) => agent.adapter === 'rules'));
});

test('extends merges mappings; an agent of another adapter is replaced whole', () => {
  const main = written({
    'base.yaml':
      'pace: { soakSeconds: 5, windowSeconds: 2 }\nplanningTeam: { critic: { adapter: openai, model: m, prompt: p.md } }\n',
    'main.yaml': 'extends: base.yaml\npace: { soakSeconds: 9 }\nplanningTeam: { critic: { adapter: rules } }\n',
  });
  assert.throws(() => loadConfig(main), /CVE_CONFIG_INVALID/, 'a team names every role');
  const team = ['moderator', 'pre_architect', 'data_analyst', 'tech_analysis', 'cotrr_team']
    .map((role) => `${role}: { adapter: rules }`)
    .join(', ');
  const whole = written({
    'base.yaml': `pace: { soakSeconds: 5, windowSeconds: 2 }\nplanningTeam: { ${team}, critic: { adapter: openai, model: m, prompt: p.md } }\n`,
    'main.yaml': 'extends: base.yaml\npace: { soakSeconds: 9 }\nplanningTeam: { critic: { adapter: rules } }\n',
  });
  const { pace, planningTeam } = loadConfig(whole);
  assert.deepEqual([pace.soakSeconds, pace.windowSeconds], [9, 2]);
  assert.deepEqual(planningTeam.critic, { adapter: 'rules' });
});

test('a path is relative to the file that names it, however far it is extended from', () => {
  const team = (role: string, prompt: string) => `{ ${role}: { adapter: openai, model: m, prompt: ${prompt} } }`;
  const rest = (roles: readonly string[]) => `{ ${roles.map((role) => `${role}: { adapter: rules }`).join(', ')} }`;
  const main = written({
    'shared/base.yaml': [
      `planningTeam: ${rest(PLANNING_ROLES)}`,
      `executiveTeam: ${rest(EXECUTIVE_ROLES)}`,
      'documents: [notes.md, /abs/plan.md]',
      'executor: { scriptRoots: [scripts] }',
    ].join('\n'),
    'shared/teams/team.yaml': `extends: ../base.yaml\nplanningTeam: ${team('critic', 'critic.md')}\n`,
    'main.yaml': `extends: shared/teams/team.yaml\nexecutiveTeam: ${team('ops_commander', 'ops.md')}\n`,
  });
  const at = (path: string): string => join(dirname(main), path);
  const { planningTeam, executiveTeam, documents, executor } = loadConfig(main);
  const promptOf = (agent: AgentConfig) => (agent.adapter === 'rules' ? undefined : agent.prompt);
  assert.equal(promptOf(planningTeam.critic), at('shared/teams/critic.md'));
  assert.equal(promptOf(executiveTeam.ops_commander), at('ops.md'));
  assert.deepEqual(documents, [at('shared/notes.md'), '/abs/plan.md']);
  assert.deepEqual(executor.scriptRoots, [at('shared/scripts')]);
});

const BROKEN: readonly [string, string, RegExp][] = [
  ['an unknown option', 'pace: { soakSecond: 5 }\n', /CVE_CONFIG_INVALID.*main\.yaml.*soakSecond/],
  ['a value out of bounds', 'limits: { actionsPerHeartbeat: 0 }\n', /limits\.actionsPerHeartbeat.*got 0/],
  ['an empty path', 'documents: [""]\n', /documents\.0.*got ""/],
  ['a path that is none', 'executor: { scriptRoots: [7] }\n', /executor\.scriptRoots\.0.*got 7/],
  ['a word for a number', 'pace: { soakSeconds: a week }\n', /pace\.soakSeconds.*got "a week"/],
  ['no mapping', '- a\n- b\n', /must hold a mapping, found a list/],
  ['broken YAML', 'pace: { soakSeconds: 5\n', /CVE_CONFIG_UNREADABLE.*main\.yaml/],
  ['a base that is not there', 'extends: nowhere.yaml\n', /CVE_CONFIG_UNREADABLE.*nowhere\.yaml/],
  ['a circle', 'extends: main.yaml\n', /CVE_CONFIG_INVALID: extends goes round in a circle/],
];
for (const [name, text, says] of BROKEN) {
  test(`refused with file, field and value: ${name}`, () => {
    assert.throws(() => loadConfig(written({ 'main.yaml': text })), says);
  });
}
