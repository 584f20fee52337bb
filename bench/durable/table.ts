import { percent, type Report, ratio, type Standing, targets } from './report.ts';

/** What no figure here says, so that nobody reads it into them. */
const NOT_MEASURED = [
  'a network (all on the loopback) and replicas (one nats-server, one PostgreSQL, one Redis)',
  'work in the actions, large payloads, retries, crashes and recovery',
  'memory, and the cost of keeping what was done for weeks',
  'processors of its own for each side: clients, workers and server share those of this machine',
  'more worker processes: each engine hands off and works in one process, Conclave runs its services as it always does',
];

/** The whole report as text for a terminal. */
export function renderReport(report: Report): string {
  const { standings } = report;
  const raw = standings.find(({ id }) => id === 'raw');
  const conclave = standings.find(({ id }) => id === 'conclave');
  const counts = [...new Set(standings.flatMap(({ rows }) => rows.map(({ actions }) => actions)))].toSorted(
    (a, b) => a - b,
  );
  const at = (standing: Standing, actions: number, show: (row: Standing['rows'][number]) => string): string => {
    const row = standing.rows.find((candidate) => candidate.actions === actions);
    return row === undefined ? '-' : show(row);
  };
  const heads = counts.map((count) => count.toLocaleString('en-US'));
  const seconds = [
    ['seconds for', ...heads, 'exponent', 'one alone'],
    ...standings.map((standing) => [
      standing.name,
      ...counts.map((count) => at(standing, count, (row) => secondsCell(row, report.rounds))),
      standing.exponent?.toFixed(2) ?? '-',
      `${standing.oneActionMs.toFixed(1)} ms`,
    ]),
  ];
  const rates = [
    ['actions per second at', ...heads, 'by raw', 'Conclave by it'],
    ...standings.map((standing) => [
      standing.name,
      ...counts.map((count) => at(standing, count, (row) => row.actionsPerSecond.toFixed(0))),
      times(raw && ratio(standing, raw)),
      times(conclave && ratio(conclave, standing)),
    ]),
  ];
  return [
    `bench:durable on ${report.machine}; ${report.rounds === 1 ? 'one round' : `median of ${report.rounds} alternating rounds, ± half the range`}`,
    alignedTable(seconds),
    alignedTable(rates),
    [
      `The ratios are of actions per second at the largest count. Raw appends reach ${rawAppends(raw)} appends per second.`,
      'A raw append waits for an fsync of its own; the engines let many actions share one, which is how they can be ahead of it.',
    ].join('\n'),
    signatureLines(report),
    section(
      'Targets',
      targets(report).map(({ text, isMet }) => `${isMet ? 'met   ' : 'missed'} ${text}`),
    ),
    section(
      'How',
      standings.map(({ name, note }) => `${name}: ${note}`),
    ),
    section(
      'Left out',
      report.leftOut.map(({ id, reason }) => `${id}: ${reason}`),
    ),
    section('Not measured', NOT_MEASURED),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

const APPENDS_PER_ACTION = 3;

function rawAppends(raw: Standing | undefined): string {
  const row = raw?.rows.at(-1);
  return row === undefined ? 'an unknown number of' : (row.actionsPerSecond * APPENDS_PER_ACTION).toFixed(0);
}

/** One round alone has no range. */
function secondsCell({ seconds, spread }: Standing['rows'][number], rounds: number): string {
  return rounds === 1 ? seconds.toFixed(2) : `${seconds.toFixed(2)} ±${percent(spread)}`;
}

function times(value: number | undefined): string {
  return value === undefined ? '-' : value.toFixed(2);
}

function signatureLines({ signatures }: Report): string {
  if (signatures === undefined) return '';
  const { cost, costFrom, costTo, costOfRaw, signatureMicroseconds, note } = signatures;
  const rate = (perSecond: number): string => perSecond.toFixed(0);
  return [
    `Signatures take ${percent(cost)} of the rate of the journal's appends (middle half of the rounds ${percent(costFrom)} to ${percent(costTo)}), ` +
      `${percent(costOfRaw)} of that of raw appends.`,
    `Appends per second: raw ${rate(signatures.unsignedPerSecond)}, raw and signed ${rate(signatures.signedPerSecond)}, ` +
      `the journal's ${rate(signatures.journalPerSecond)}. One signature by itself takes ${signatureMicroseconds.toFixed(0)} µs. ${note}.`,
  ].join('\n');
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : [`${title}:`, ...lines.map((line) => `  ${line}`)].join('\n');
}

/** Columns as wide as their widest cell, the first to the left and the others to the right. */
export function alignedTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
