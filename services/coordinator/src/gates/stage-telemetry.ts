import { addSketch, emptySketch, type LatencySketch, type TelemetryWindow } from '@conclave/contracts';

/** Totals of requests over some windows. */
export interface TrafficTotals {
  requests: number;
  errors: number;
  withinSlo: number;
  readonly latency: LatencySketch;
  from: string;
  to: string;
}

/** When a candidate was served: from the first window of its stage to the newest, excluded ones too, less what lay between. */
export interface ServedTime {
  readonly to: string;
  /** Seconds served, up to `to`. */
  readonly seconds: number;
  /** The last interruption: when it was over, and the seconds served before it. */
  readonly resumed: { readonly at: string; readonly soakedSeconds: number } | undefined;
}

/**
 * What telemetry says of a candidate in one stage epoch. Windows that were excluded are not in it. It is changed in place, because a
 * stage has a hundred thousand windows: who keeps a part of it copies that.
 */
export interface StageTelemetry {
  readonly digest: string;
  readonly stageEpoch: number;
  /** Everything since the stage began to serve; undefined while nothing arrived. */
  total: TrafficTotals | undefined;
  /** Consecutive blocks of at least `blockSize` requests, oldest first, at most the last ten. */
  readonly blocks: TrafficTotals[];
  open: TrafficTotals | undefined;
  /** Live requests that stable answered meanwhile. */
  stableRequests: number;
  /** Live requests that the candidate answered. */
  candidateLiveRequests: number;
  /** End of the newest window, ISO 8601. */
  newest: string | undefined;
  served: ServedTime | undefined;
  /** What each runner has had of the live requests. */
  readonly runners: Record<string, RunnerPart>;
}

export interface RunnerPart {
  /** Live requests, of stable and candidate. */
  readonly requests: number;
  /** The share of them that carried one client key, as its newest window has it. */
  readonly dominantKey: number;
}

const KEPT_BLOCKS = 10;

export function emptyStageTelemetry(digest: string, stageEpoch: number): StageTelemetry {
  return {
    digest,
    stageEpoch,
    total: undefined,
    blocks: [],
    open: undefined,
    stableRequests: 0,
    candidateLiveRequests: 0,
    newest: undefined,
    served: undefined,
    runners: {},
  };
}

/**
 * Adds a window of the candidate. Windows of another digest or epoch change nothing, excluded ones only the time served: evidence
 * counts only for exactly what was measured.
 * @param longestPauseSeconds a longer time without any window is an interruption
 * @returns `state`, changed
 */
export function addCandidateWindow(
  state: StageTelemetry,
  window: TelemetryWindow,
  blockSize: number,
  longestPauseSeconds: number,
): StageTelemetry {
  if (window.digest !== state.digest || window.stageEpoch !== state.stageEpoch) return state;
  state.served = serve(state.served, window, longestPauseSeconds);
  if (window.excluded !== undefined) return state;
  if (state.newest === undefined || window.to > state.newest) state.newest = window.to;
  if (window.requests === 0) return state;
  state.total = add(state.total, window);
  const open = add(state.open, window);
  state.open = open;
  if (open.requests >= blockSize) {
    state.blocks.push(open);
    if (state.blocks.length > KEPT_BLOCKS) state.blocks.shift();
    state.open = undefined;
  }
  if (window.mode === 'live') {
    state.candidateLiveRequests += window.requests;
    addPart(state.runners, window);
  }
  return state;
}

function serve(served: ServedTime | undefined, { from, to }: TelemetryWindow, longestPauseSeconds: number): ServedTime {
  if (served === undefined) return { to, seconds: secondsBetween(from, to), resumed: undefined };
  if (to <= served.to) return served;
  if (secondsBetween(served.to, from) <= longestPauseSeconds)
    return { ...served, to, seconds: served.seconds + secondsBetween(served.to, to) };
  return {
    to,
    seconds: served.seconds + secondsBetween(from, to),
    resumed: { at: from, soakedSeconds: served.seconds },
  };
}

function secondsBetween(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / 1000;
}

/** Adds live requests that stable answered while the stage served. @returns `state`, changed */
export function addStableWindow(state: StageTelemetry, window: TelemetryWindow): StageTelemetry {
  if (window.mode !== 'live' || window.excluded !== undefined) return state;
  state.stableRequests += window.requests;
  addPart(state.runners, window);
  return state;
}

function addPart(runners: StageTelemetry['runners'], { runner, requests, dominantKey }: TelemetryWindow): void {
  if (requests === 0) return;
  const before = runners[runner];
  runners[runner] = {
    requests: (before?.requests ?? 0) + requests,
    dominantKey: dominantKey ?? before?.dominantKey ?? 0,
  };
}

/** Adds a window to totals of one's own; undefined begins new ones. */
function add(own: TrafficTotals | undefined, window: TelemetryWindow): TrafficTotals {
  const { from, to } = window;
  const totals = own ?? { requests: 0, errors: 0, withinSlo: 0, latency: emptySketch(), from, to };
  totals.requests += window.requests;
  totals.errors += window.errors;
  totals.withinSlo += window.withinSlo;
  addSketch(totals.latency, window.latency);
  if (from < totals.from) totals.from = from;
  if (to > totals.to) totals.to = to;
  return totals;
}
