import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSeats } from '@conclave/bus';
import { startTestBus, until } from '@conclave/bus/testing';
import { PLANNING_ROLES, type SeatStatus, seatingReport } from '@conclave/contracts';
import { seatingOf, whyNobodyDecides } from '@conclave/core';
import { createLog } from './log.ts';
import { startSeatReport } from './seat-report.ts';

test('who sits is told to every reader, logged once and again when it changes, and ends with the process', async () => {
  await using server = await startTestBus({ users: true });
  const readers = openSeats(await server.connect('operator'));
  const lines: string[] = [];
  let isKeySet = false;
  const seat = (role: string): SeatStatus => {
    const speaker = { adapter: 'anthropic', model: 'claude-opus-5-5' } as const;
    if (isKeySet) return { role, state: 'present', speaker, reason: '', wayOut: '', warnings: [] };
    const reason = 'ANTHROPIC_API_KEY is not set';
    return { role, state: 'absent', speaker, reason, wayOut: 'set ANTHROPIC_API_KEY', warnings: [] };
  };
  const report = startSeatReport({
    bus: await server.connect('planner'),
    log: createLog({
      name: 'planner',
      instance: 'planner-0',
      level: 'info',
      destination: { write: (line) => void lines.push(line) },
    }),
    team: 'planning',
    instance: 'planner-0',
    quorum: 4,
    seats: () => PLANNING_ROLES.map(seat),
  });
  const seating = async () => {
    const all = [...(await readers.all()).values()].map((value) => seatingReport.parse(value));
    return all.length === 0 ? undefined : seatingOf(all);
  };
  const why = await until(async () => {
    const now = await seating();
    return now === undefined ? undefined : whyNobodyDecides(now);
  }, 'the absences are told');
  assert.equal(
    why,
    'no meeting can decide: 0 of 6 advisors present, quorum 4: set ANTHROPIC_API_KEY; see conclave doctor',
  );
  const logged = () => lines.map((line): { level: string; msg: string; detail?: string[] } => JSON.parse(line));
  const [first] = logged();
  assert.equal(first?.level, 'warn');
  assert.equal(first.msg, '6 of 6 agents are absent: no quorum, 4 ballots needed, 0 can vote');
  assert.match(first.detail?.join() ?? '', /ANTHROPIC_API_KEY is not set/);

  isKeySet = true;
  await until(() => lines.length > 1, 'the change is logged');
  assert.deepEqual([logged()[1]?.level, lines.length], ['info', 2]);
  await until(async () => (await seating())?.planning?.every(({ state }) => state === 'present'), 'they are back');
  await report.stop();
  assert.equal(await seating(), undefined);
  assert.equal(lines.length, 2);
});
