import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { type Figures, figures } from './figures.ts';
import { parseOptions, USAGE } from './options.ts';
import { type Report, standingOf } from './report.ts';
import { runContestant } from './run-contestant.ts';
import { type SignatureCost, signatureCost } from './signatures.ts';
import { renderReport } from './table.ts';

/** In the order of the table. An engine needs its server's path in the environment: `node scripts/run.mjs bench` fetches and names it. */
const CONTESTANTS = [
  { id: 'raw', module: 'raw.ts', needs: undefined },
  { id: 'conclave', module: 'conclave.ts', needs: undefined },
  { id: 'dbos', module: 'engines/dbos.ts', needs: 'BENCH_POSTGRES' },
  { id: 'dbos-states', module: 'engines/dbos-states.ts', needs: 'BENCH_POSTGRES' },
  { id: 'pg-boss', module: 'engines/pg-boss.ts', needs: 'BENCH_POSTGRES' },
  { id: 'bullmq', module: 'engines/bullmq.ts', needs: 'BENCH_REDIS' },
] as const;
type Contestant = (typeof CONTESTANTS)[number];

const CONTESTANT_LIMIT_MS = 30 * 60_000;
/** On the disk of the checkout: a temporary directory may be memory, where an fsync costs nothing. */
const workDir = join(import.meta.dirname, '../../.cache/bench-durable');

const say = (line: string): void => console.error(`[bench] ${line}`);

if (process.argv.includes('--help')) console.log(USAGE);
else await bench();

async function bench(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  const isWanted = (id: string): boolean => options.only.length === 0 || options.only.includes(id);
  const leftOut = new Map<string, string>();
  const runs = new Map<string, Figures[]>();
  const run = async (module: string, counts: readonly number[]): Promise<unknown> => {
    await rm(workDir, { recursive: true, force: true });
    await mkdir(workDir, { recursive: true });
    return await runContestant(module, counts, { workDir, limitMs: CONTESTANT_LIMIT_MS });
  };

  for (const contestant of CONTESTANTS.filter(({ id }) => isWanted(id))) {
    const reason = whyNot(contestant);
    if (reason === undefined) runs.set(contestant.id, []);
    else leftOut.set(contestant.id, reason);
  }
  for (let round = 0; round < options.rounds; round++) {
    for (const { id, module } of turned(CONTESTANTS, round)) {
      if (!runs.has(id) || leftOut.has(id)) continue;
      const startedAt = performance.now();
      say(`round ${round + 1} of ${options.rounds}: ${id} ...`);
      try {
        const measured = figures.parse(await run(module, options.counts));
        runs.get(id)?.push(measured);
        const times = measured.rows.map(({ actions, seconds }) => `${actions} in ${seconds.toFixed(2)} s`).join(', ');
        say(`${id}: ${times} (${((performance.now() - startedAt) / 1000).toFixed(0)} s with its servers)`);
      } catch (error) {
        process.exitCode = 1;
        leftOut.set(id, `failed: ${error instanceof Error ? error.message : String(error)}`);
        say(`${id} ${leftOut.get(id)}`);
      }
    }
  }
  let signatures: SignatureCost | undefined;
  if (isWanted('signatures')) {
    say('signatures ...');
    signatures = signatureCost.parse(await run('signatures.ts', []));
  }
  await rm(workDir, { recursive: true, force: true });

  const report: Report = {
    machine: `${availableParallelism()} x ${cpus()[0]?.model ?? 'unknown processor'}, ${(totalmem() / 1024 ** 3).toFixed(0)} GiB, Node ${process.versions.node}, ${process.platform}`,
    rounds: options.rounds,
    standings: [...runs].filter(([, own]) => own.length > 0).map(([id, own]) => standingOf(id, own)),
    signatures,
    leftOut: [...leftOut].map(([id, reason]) => ({ id, reason })),
  };
  console.log(renderReport(report));
  if (options.json !== undefined) {
    await writeFile(resolve(options.json), `${JSON.stringify({ at: new Date().toISOString(), ...report }, null, 2)}\n`);
    say(`figures written to ${resolve(options.json)}`);
  }
}

/** Another one begins in every round. */
function turned(contestants: readonly Contestant[], round: number): Contestant[] {
  const first = round % contestants.length;
  return [...contestants.slice(first), ...contestants.slice(0, first)];
}

function whyNot({ module, needs }: Contestant): string | undefined {
  if (!existsSync(join(import.meta.dirname, module))) return `${module} is not part of this checkout yet`;
  if (needs !== undefined && !process.env[needs]) return `no server for it on this machine (${needs} is not set)`;
  return undefined;
}
