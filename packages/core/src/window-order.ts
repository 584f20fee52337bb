import type { TelemetryWindow } from '@conclave/contracts';

/** How far one runner's windows are counted. */
export interface RunnerMarks {
  readonly runner: string;
  /** Its series, in the order of their first window; at most `KEPT_SERIES`. */
  readonly series: { readonly id: string; readonly ends: [kind: string, endMs: number][] }[];
  /** Latest end of the series that are no longer kept, milliseconds since the epoch. */
  forgottenMs?: number | undefined;
}

/** A runner that restarts every few minutes for a week makes thousands: what is older is known by its latest end alone. */
const KEPT_SERIES = 16;

/**
 * Lets each window count once, however often it was stored. A runner publishes the windows of a series, version and mode in the order of
 * their ends, so one that does not end after the last one counted was counted before, or is not the runner's. A window of a series that
 * was never seen must begin after everything of the forgotten ones.
 */
export class WindowOrder {
  readonly #runners = new Map<string, Runner>();

  /** @param marks of an order that was kept with `marks()` */
  constructor(marks: readonly RunnerMarks[] = []) {
    for (const { runner, series, forgottenMs } of marks)
      this.#runners.set(runner, { forgottenMs, series: new Map(series.map(({ id, ends }) => [id, new Map(ends)])) });
  }

  /** Takes note of a window. @returns why it must not count; undefined when it counts */
  refuse(window: TelemetryWindow): string | undefined {
    const { runner: name, series: id = '', model, version, mode } = window;
    const [from, to] = [Date.parse(window.from), Date.parse(window.to)];
    if (to < from) return `it ends at ${window.to}, before it begins at ${window.from}`;
    const runner = this.#runners.get(name) ?? { series: new Map(), forgottenMs: undefined };
    const known = runner.series.get(id);
    if (known === undefined && from < (runner.forgottenMs ?? Number.NEGATIVE_INFINITY))
      return `it is of a series of ${name} that nobody remembers, and begins before ${iso(runner.forgottenMs)}, up to which its windows are counted`;
    const kind = JSON.stringify([model, version, mode]);
    const last = known?.get(kind);
    if (last !== undefined && to <= last)
      return `windows of ${name} for ${version} (${mode}) are counted up to ${iso(last)}, and it ends at ${window.to}`;
    this.#runners.set(name, runner);
    if (known === undefined) begin(runner, id).set(kind, to);
    else known.set(kind, to);
    return undefined;
  }

  /** What a later `WindowOrder` goes on from; JSON. */
  marks(): RunnerMarks[] {
    return [...this.#runners].map(([runner, { series, forgottenMs }]) => ({
      runner,
      series: [...series].map(([id, ends]) => ({ id, ends: [...ends] })),
      ...(forgottenMs === undefined ? {} : { forgottenMs }),
    }));
  }
}

interface Runner {
  readonly series: Map<string, Map<string, number>>;
  forgottenMs: number | undefined;
}

function begin(runner: Runner, id: string): Map<string, number> {
  const ends = new Map<string, number>();
  runner.series.set(id, ends);
  for (const [oldest, itsEnds] of runner.series) {
    if (runner.series.size <= KEPT_SERIES) break;
    runner.series.delete(oldest);
    runner.forgottenMs = Math.max(runner.forgottenMs ?? Number.NEGATIVE_INFINITY, ...itsEnds.values());
  }
  return ends;
}

function iso(ms: number | undefined): string {
  return new Date(ms ?? 0).toISOString();
}
