import type { Figures } from './figures.ts';
import type { SignatureCost } from './signatures.ts';
import { fittedExponent, median, spread } from './statistics.ts';

/** One contestant over all rounds. */
export interface Standing {
  readonly id: string;
  readonly name: string;
  readonly note: string;
  readonly rows: readonly { actions: number; seconds: number; spread: number; actionsPerSecond: number }[];
  readonly exponent: number | undefined;
  readonly oneActionMs: number;
}

export interface Report {
  readonly machine: string;
  readonly rounds: number;
  readonly standings: readonly Standing[];
  readonly signatures: SignatureCost | undefined;
  /** Contestants without figures, and why. */
  readonly leftOut: readonly { id: string; reason: string }[];
}

/** Medians over a contestant's rounds. @throws when there is none. */
export function standingOf(id: string, runs: readonly Figures[]): Standing {
  const last = runs.at(-1);
  if (last === undefined) throw new Error(`${id} has no figures`);
  const rows = last.rows.map(({ actions }) => {
    const times = runs
      .flatMap((run) => run.rows.filter((row) => row.actions === actions))
      .map(({ seconds }) => seconds);
    const seconds = median(times);
    return { actions, seconds, spread: spread(times), actionsPerSecond: actions / seconds };
  });
  const oneActionMs = median(runs.map((run) => run.oneActionMs));
  return { id, name: last.name, note: last.note, rows, exponent: fittedExponent(rows), oneActionMs };
}

/** Actions per second of one contestant by those of the other, at the largest count that both have. */
export function ratio(of: Standing, to: Standing): number | undefined {
  const common = of.rows.filter((row) => to.rows.some(({ actions }) => actions === row.actions));
  const row = common.toSorted((a, b) => a.actions - b.actions).at(-1);
  const other = to.rows.find(({ actions }) => actions === row?.actions);
  return row === undefined || other === undefined ? undefined : row.actionsPerSecond / other.actionsPerSecond;
}

/** What issue 6 asks of Conclave, and whether these figures show it. Nothing for a figure that is missing. */
export function targets(report: Report): { text: string; isMet: boolean }[] {
  const byId = (id: string): Standing | undefined => report.standings.find((standing) => standing.id === id);
  const [conclave, raw] = [byId('conclave'), byId('raw')];
  const found: { text: string; isMet: boolean }[] = [];
  if (conclave?.exponent !== undefined) {
    found.push({ text: `exponent ${conclave.exponent.toFixed(2)}, at most 1.05`, isMet: conclave.exponent <= 1.05 });
  }
  if (conclave !== undefined && raw !== undefined) {
    const share = ratio(conclave, raw) ?? 0;
    found.push({ text: `${share.toFixed(2)} of the raw appends' rate, at least 0.5 (aim 0.7)`, isMet: share >= 0.5 });
  }
  for (const engine of report.standings) {
    if (conclave === undefined || engine.id === 'conclave' || engine.id === 'raw') continue;
    const share = ratio(conclave, engine) ?? 0;
    const wanted = engine.id === 'dbos' ? 'ahead of it' : 'aim: ahead of it';
    found.push({ text: `${share.toFixed(2)} times the rate of ${engine.name}, ${wanted}`, isMet: share > 1 });
  }
  if (report.signatures !== undefined) {
    const { cost } = report.signatures;
    found.push({ text: `signatures take ${percent(cost)} of the append rate, at most 10%`, isMet: cost <= 0.1 });
  }
  return found;
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)}%`;
}
