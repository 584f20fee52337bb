import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openJournal } from '@conclave/bus';
import { bulkAppend, startTestBus } from '@conclave/bus/testing';
import { type Commit, subjects, WRITERS } from '@conclave/contracts';
import { foldWorld, initialWorld, openRollout } from '@conclave/core';
import { firstCommits } from '../long/first-commits.ts';
import { fitExponent } from './fit-exponent.ts';

test('a long journal has rollouts of every ending and one that stays open from its first days on', () => {
  const { rollouts, schedule } = [...firstCommits(12_000)].reduce(foldWorld, initialWorld());
  const open = rollouts.search === undefined ? undefined : openRollout(rollouts.search);
  assert.deepEqual([open?.definition.version, open?.stage], ['1.1', '20_percent']);
  const ends = Object.values(rollouts).flatMap(({ past }) => past.map(({ phase }) => phase));
  assert.deepEqual(new Set(ends), new Set(['completed', 'rolled_back']));
  assert.ok(schedule.lastHeartbeatSlot > 500);
});

test('it is the same at every call', () => {
  const ids = () => [...firstCommits(300)].flatMap(({ events }) => events.map(({ id, at }) => `${id} ${at}`));
  assert.deepEqual(ids(), ids());
});

test('it is written in order, and gone on with where it was left', async () => {
  await using server = await startTestBus({ sync: '10m' });
  await bulkAppend(server.bus, firstCommits(700), { inFlight: 100 });
  await bulkAppend(server.bus, firstCommits(1000), { afterSeq: 700 });
  const journal = openJournal(server.bus, { by: 'test' });
  const read: Commit[] = [];
  const done = Promise.withResolvers<void>();
  const follower = journal.follow({
    filters: [subjects.journalAll],
    onCommit: (commit) => void read.push(commit),
    onCaughtUp: done.resolve,
    onError: done.reject,
  });
  await done.promise;
  await follower.stop();
  const essence = ({ seq, by, events }: Commit): string => JSON.stringify({ seq, by, events });
  assert.deepEqual(read.map(essence), [...firstCommits(1000)].map(essence));
});

test('the program that writes it goes on with what it wrote before, and says how far it is', async () => {
  await using server = await startTestBus({ sync: '10m' });
  const credentials = await mkdtemp(join(tmpdir(), 'conclave-writer-'));
  for (const writer of WRITERS) await server.signingFiles(credentials, writer);
  const write = (commits: number): string => {
    const program = join(import.meta.dirname, 'write-journal.ts');
    const given = ['--commits', `${commits}`, '--nats', server.nats.url, '--credentials', credentials];
    return execFileSync(process.execPath, [program, '--', ...given], { encoding: 'utf8' });
  };
  assert.match(write(300), /the journal has 300 commits/);
  assert.match(write(500), /goes on after 300 commits\n(.*\n)*the journal has 500 commits/);
  await rm(credentials, { recursive: true });
});

test('nothing is written behind what somebody else wrote', async () => {
  await using server = await startTestBus({ sync: '10m' });
  await bulkAppend(server.bus, firstCommits(10));
  await assert.rejects(bulkAppend(server.bus, firstCommits(20)), /the server answered/);
});

test('an exponent tells growth in proportion from none', () => {
  assert.equal(
    fitExponent([
      [10, 5],
      [100, 50],
      [1000, 500],
    ])?.toFixed(6),
    '1.000000',
  );
  assert.equal(
    fitExponent([
      [10, 5],
      [100, 5],
    ])?.toFixed(6),
    '0.000000',
  );
  assert.equal(fitExponent([[10, 5]]), undefined);
});
