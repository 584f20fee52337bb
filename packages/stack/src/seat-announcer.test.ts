import assert from 'node:assert/strict';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openSeats } from '@conclave/bus';
import { startTestBus, until } from '@conclave/bus/testing';
import {
  EXECUTIVE_ROLES,
  PLANNING_ROLES,
  type SeatedTeam,
  type SeatingReport,
  type SeatStatus,
} from '@conclave/contracts';
import { announceSeats } from './seat-announcer.ts';

const report = (team: SeatedTeam, roles: readonly string[], isAbsent: boolean): SeatingReport => {
  const seat = (role: string): SeatStatus => {
    const speaker = { adapter: 'google', model: 'gemini-flash' } as const;
    if (!isAbsent) return { role, state: 'present', speaker, reason: '', wayOut: '', warnings: [] };
    return {
      role,
      state: 'absent',
      speaker,
      reason: 'GOOGLE_API_KEY is not set',
      wayOut: 'set GOOGLE_API_KEY',
      warnings: [],
    };
  };
  const quorum = team === 'planning' ? 4 : undefined;
  return { team, instance: `${team}-0`, at: new Date().toISOString(), quorum, seats: roles.map(seat) };
};

test('a start tells at once who is absent, and tells it again when they are back', async () => {
  await using server = await startTestBus({ users: true });
  const planner = openSeats(await server.connect('planner'), 'planner');
  const executor = openSeats(await server.connect('executor'), 'executor');
  const told: string[] = [];
  const { CONCLAVE_KEYRING_FILE: keyringFile } = await server.signingFiles(
    await mkdtemp(join(tmpdir(), 'conclave-keys-')),
  );
  const credentials = { seed: async () => server.nats.seeds.operator, keyringFile };
  const stack = { natsUrl: server.nats.url, credentials };
  await planner.put('planner-0', report('planning', PLANNING_ROLES, true));
  const opening = announceSeats(stack, (lines, level) => told.push([level, ...lines].join('\n')));
  await executor.put('executor-0', report('executive', EXECUTIVE_ROLES, false));
  const announcer = await opening;
  assert.deepEqual(told, [
    [
      'bad',
      '6 of 12 agents are absent: no quorum, 4 ballots needed, 0 can vote',
      `absent: the whole planning team: GOOGLE_API_KEY is not set`,
      'what to do: set GOOGLE_API_KEY; see conclave doctor',
    ].join('\n'),
  ]);
  await planner.put('planner-0', report('planning', PLANNING_ROLES, false));
  await until(() => told.length === 2, 'the change is told');
  assert.equal(told[1], 'good\nall 12 agents present, all google gemini-flash');
  await announcer.stop();
  await planner.delete('planner-0');
  assert.equal(told.length, 2);
});
