import { parseArgs } from 'node:util';

export interface Options {
  readonly counts: readonly number[];
  readonly rounds: number;
  /** Ids of the contestants to run; empty for all. */
  readonly only: readonly string[];
  /** File to write the figures to. */
  readonly json: string | undefined;
}

export const USAGE = `usage: pnpm bench:durable [--quick] [--rounds <n>] [--counts <n,n,...>] [--only <id,id,...>] [--json <file>]
  --quick   small counts (20, 60, 200), one round: shows that it runs, the figures say little
  --counts  no-op actions to hand off; default 100,300,1000,3000,10000
  --rounds  times that every contestant runs, in turn; default 3
  --only    contestants: raw, conclave, dbos, dbos-states, pg-boss, bullmq, signatures
  --json    writes the figures to a file`;

/** @throws with the usage when an argument is unknown or no number. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      counts: { type: 'string' },
      rounds: { type: 'string' },
      only: { type: 'string', default: '' },
      json: { type: 'string' },
    },
  });
  const counts = (values.counts ?? (values.quick ? '20,60,200' : '100,300,1000,3000,10000')).split(',').map(positive);
  const rounds = positive(values.rounds ?? (values.quick ? '1' : '3'));
  const only = values.only.split(',').filter((id) => id !== '');
  return { counts, rounds, only, json: values.json };
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${text} is no positive whole number\n${USAGE}`);
  return value;
}
