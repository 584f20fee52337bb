import type { Commit } from '@conclave/contracts';
import { foldWorld, initialWorld } from '@conclave/core';
import { firstCommits } from '@conclave/histories';

/*
 * What it costs to fold a journal, by its length: `pnpm bench:folds [commits...]`. Making the commits is not counted, reading them by
 * their schemas is. Processor time, so that what else runs on the machine does not count. An exponent of 1 means that a commit costs the same at any length.
 */

const BATCH = 2000;

interface Row {
  readonly commits: number;
  readonly microseconds: number;
  /** Of the last tenth of the journal. */
  readonly lastTenth: number;
  readonly worldBytes: number;
  readonly heapBytes: number;
}

const counts = process.argv.slice(2).map(Number);
const rows = (counts.length === 0 ? [10_000, 100_000, 1_000_000] : counts).map(measure);
console.log('   commits   µs/commit   in the last tenth   snapshot    heap');
for (const { commits, microseconds, lastTenth, worldBytes, heapBytes } of rows)
  console.log(
    [
      String(commits).padStart(10),
      microseconds.toFixed(1).padStart(11),
      lastTenth.toFixed(1).padStart(19),
      `${mebibytes(worldBytes)} MiB`.padStart(10),
      `${mebibytes(heapBytes)} MiB`.padStart(10),
    ].join(' '),
  );
if (rows.length > 1) console.log(`exponent of the whole time in the commits: ${exponentOf(rows).toFixed(3)}`);

function measure(commits: number): Row {
  const world = initialWorld();
  let spent = 0;
  let late = 0;
  let batch: Commit[] = [];
  const foldBatch = (): void => {
    const from = process.cpuUsage();
    for (const commit of batch) foldWorld(world, commit);
    const { user, system } = process.cpuUsage(from);
    const took = user + system;
    spent += took;
    if (world.seq > 0.9 * commits) late += took / batch.length;
    batch = [];
  };
  let lateBatches = 0;
  for (const commit of firstCommits(commits)) {
    batch.push(commit);
    if (batch.length < BATCH && commit.seq < commits) continue;
    foldBatch();
    if (world.seq > 0.9 * commits) lateBatches++;
  }
  globalThis.gc?.();
  return {
    commits,
    microseconds: spent / commits,
    lastTenth: late / lateBatches,
    worldBytes: JSON.stringify(world).length,
    heapBytes: process.memoryUsage().heapUsed,
  };
}

/** Slope of the least-squares line through the logarithms of length and time. */
function exponentOf(measured: readonly Row[]): number {
  const points = measured.map(
    ({ commits, microseconds }) => [Math.log(commits), Math.log(commits * microseconds)] as const,
  );
  const mean = (of: readonly number[]): number => of.reduce((a, b) => a + b, 0) / of.length;
  const [x, y] = [mean(points.map(([a]) => a)), mean(points.map(([, b]) => b))];
  const covariance = points.reduce((sum, [a, b]) => sum + (a - x) * (b - y), 0);
  return covariance / points.reduce((sum, [a]) => sum + (a - x) ** 2, 0);
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
