/*
 * How long it takes until whoever reads the journal is there, by the length of the journal: `pnpm bench:journal [-- --full] [--profile DIR]`.
 * A server of its own that does not sync each write holds the first 10,000, 100,000 and (`--full`) 1,000,000 commits of the long journal, all of them signed.
 * What it does not measure: a server on another machine, several readers at once, telemetry.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Bus, openSnapshots } from '@conclave/bus';
import { bulkAppend, startTestBus } from '@conclave/bus/testing';
import { WORLD_FOLD_VERSION } from '@conclave/core';
import { firstCommits } from '../long/first-commits.ts';
import { fitExponent } from './fit-exponent.ts';
import { profileFolder, READERS, type Reader, type Start, startReader } from './start-reader.ts';

const SNAPSHOT_DEADLINE_MS = 180_000;

const { values } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== '--'),
  options: { full: { type: 'boolean' }, sizes: { type: 'string' }, profile: { type: 'string' } },
});
const sizes = values.sizes?.split(',').map(Number) ?? [10_000, 100_000, ...(values.full === true ? [1_000_000] : [])];

interface Row {
  readonly commits: number;
  readonly reader: Reader;
  readonly snapshot: boolean;
  readonly start: Start;
}

// By a signal nothing is cleaned up: what it started would go on.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const rows: Row[] = [];
for (const commits of sizes) rows.push(...(await measure(commits)));
report(rows);

async function measure(commits: number): Promise<Row[]> {
  await using server = await startTestBus({ sync: '10m' });
  const keys = await mkdtemp(join(tmpdir(), 'conclave-bench-keys-'));
  const { CONCLAVE_KEYRING_FILE, ...asWriter } = await server.signingFiles(keys, 'coordinator');
  const startedAt = performance.now();
  await bulkAppend(server.bus, firstCommits(commits));
  console.log(`${commits} commits written in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
  const measured: Row[] = [];
  // Whoever must not find a snapshot comes first; the coordinator, which writes it, last of these.
  for (const snapshot of [false, true]) {
    for (const reader of READERS.toReversed()) {
      const profileDir = await profileFolder(values.profile, `${commits}-${snapshot ? 'with' : 'without'}`);
      const writesIt = reader === 'coordinator' && !snapshot;
      const start = await startReader(reader, {
        natsUrl: server.nats.url,
        env: { CONCLAVE_KEYRING_FILE, ...(reader === 'coordinator' ? asWriter : {}) },
        profileDir,
        meanwhile: writesIt ? () => snapshotSaved(server.bus) : undefined,
      });
      measured.push({ commits, reader, snapshot, start });
      console.log(lineOf({ commits, reader, snapshot, start }));
    }
  }
  await rm(keys, { recursive: true, force: true });
  return measured;
}

async function snapshotSaved(bus: Bus): Promise<void> {
  const deadline = performance.now() + SNAPSHOT_DEADLINE_MS;
  while ((await openSnapshots(bus).load(`world-${WORLD_FOLD_VERSION}`)) === undefined) {
    if (performance.now() > deadline) throw new Error('the coordinator saved no snapshot');
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

function lineOf({ commits, reader, snapshot, start }: Row): string {
  const { seconds, residentMb, peakMb, cpuSeconds } = start;
  const cells = [
    String(commits).padStart(9),
    reader.padEnd(16),
    (snapshot ? 'with' : 'without').padEnd(8),
    `${seconds.toFixed(2)} s`.padStart(9),
    `cpu ${cpuSeconds.toFixed(2)} s`.padStart(13),
    `${residentMb.toFixed(0)} MB`.padStart(8),
    `peak ${peakMb.toFixed(0)} MB`.padStart(13),
  ];
  return cells.join('  ');
}

function report(all: readonly Row[]): void {
  console.log('\n  commits  reader            snapshot   there in      processor    memory');
  for (const row of all) console.log(lineOf(row));
  console.log('\nexponents over the length (time, peak memory): 0 does not age, 1 is proportional');
  for (const snapshot of [false, true]) {
    for (const reader of READERS) {
      const own = all.filter((row) => row.reader === reader && row.snapshot === snapshot);
      const fit = (value: (start: Start) => number): string =>
        fitExponent(own.map(({ commits, start }) => [commits, value(start)]))?.toFixed(2) ?? '-';
      const name = `${reader.padEnd(16)}  ${(snapshot ? 'with' : 'without').padEnd(8)}`;
      console.log(`${name}  time ${fit(({ seconds }) => seconds)}  memory ${fit(({ peakMb }) => peakMb)}`);
    }
  }
}
