import assert from 'node:assert/strict';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { openJournal } from '@conclave/bus';
import { startTestBus } from '@conclave/bus/testing';
import { aggregates, DEFAULT_GATES, sha256 } from '@conclave/contracts';
import { run } from './program.ts';
import { seated, standInSeats } from './testing/seats.ts';

const WHY = 'no meeting can decide: 1 of 6 advisors present, quorum 4: set OPENAI_API_KEY; see conclave doctor';

test('status and explain say who is absent, and that no meeting can decide', async () => {
  await using server = await startTestBus();
  Object.assign(process.env, await server.signingFiles(await mkdtemp(join(tmpdir(), 'conclave-keys-'))));
  Object.assign(process.env, await server.signingFiles(await mkdtemp(join(tmpdir(), 'conclave-keys-'))));
  const at = new Date().toISOString();
  const definition = {
    name: 'r',
    model: 'm',
    version: '1.1',
    digest: sha256('1.1'),
    datasetName: 'd',
    dataset: sha256('d'),
    authority: 'act',
    stages: [
      { name: 'shadow', soakSeconds: 60 },
      { name: 'production', soakSeconds: 60 },
    ],
    gates: DEFAULT_GATES.slice(0, 1),
  };
  const applied = { id: 'e-1', type: 'rollout.applied', at, data: { rolloutId: 'm-r1', definition, by: 'ada' } };
  await openJournal(server.bus, { by: 'test' }).append(aggregates.rollouts('m'), 'any', [applied]);

  const speaker = { adapter: 'openai', model: 'gpt' } as const;
  const stopSeats = await standInSeats(server.bus, (role) =>
    role === 'critic'
      ? seated(role, { speaker })
      : seated(role, { speaker, state: 'absent', reason: 'no key', wayOut: 'set OPENAI_API_KEY' }),
  );
  const said = async (...args: string[]): Promise<string> => {
    const out: string[] = [];
    await run(['--nats', server.nats.url, ...args], { out: (text) => out.push(text), err: (text) => out.push(text) });
    return stripVTControlCharacters(out.join('\n'));
  };

  const status = await said('status');
  assert.match(status, /^! 11 of 12 agents are absent: no quorum, 4 ballots needed, 1 can vote$/m);
  assert.match(status, /^ {4}absent: the whole executive team, moderator, pre_architect, data_analyst, .*: no key$/m);
  assert.match(status, /^ {4}what to do: set OPENAI_API_KEY; see conclave doctor$/m);
  assert.match(status, /^agents +1 of 12 present$/m);
  const { seating } = JSON.parse(await said('status', '--json'));
  assert.deepEqual([seating.cannotDecide, seating.level, seating.planning.length], [WHY, 'bad', 6]);
  const explained = await said('explain', 'm');
  assert.match(explained, new RegExp(`^ {2}- ${WHY}$`, 'm'));
  assert.doesNotMatch(explained, /Nothing is missing/);
  await stopSeats();
});
