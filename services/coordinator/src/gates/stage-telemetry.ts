import { emptySketch, type LatencySketch, mergeSketches, type TelemetryWindow } from '@conclave/contracts';

/** Totals of requests over some windows. */
export interface TrafficTotals {
  readonly requests: number;
  readonly errors: number;
  readonly withinSlo: number;
  readonly latency: LatencySketch;
  readonly from: string;
  readonly to: string;
}

/** When a candidate was served: from the first window of its stage to the newest, excluded ones too, less what lay between. */
export interface ServedTime {
  readonly to: string;
  /** Seconds served, up to `to`. */
  readonly seconds: number;
  /** The last interruption: when it was over, and the seconds served before it. */
  readonly resumed: { readonly at: string; readonly soakedSeconds: number } | undefined;
}

/** What telemetry says of a candidate in one stage epoch. Windows that were excluded are not in it. */
export interface StageTelemetry {
  readonly digest: string;
  readonly stageEpoch: number;
  /** Everything since the stage began to serve; undefined while nothing arrived. */
  readonly total: TrafficTotals | undefined;
  /** Consecutive blocks of at least `blockSize` requests, oldest first, at most the last ten. */
  readonly blocks: readonly TrafficTotals[];
  readonly open: TrafficTotals | undefined;
  /** Live requests that stable answered meanwhile. */
  readonly stableRequests: number;
  /** Live requests that the candidate answered. */
  readonly candidateLiveRequests: number;
  /** End of the newest window, ISO 8601. */
  readonly newest: string | undefined;
  readonly served: ServedTime | undefined;
  /** What each runner has had of the live requests. */
  readonly runners: Readonly<Record<string, RunnerPart>>;
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
 */
export function addCandidateWindow(
  state: StageTelemetry,
  window: TelemetryWindow,
  blockSize: number,
  longestPauseSeconds: number,
): StageTelemetry {
  if (window.digest !== state.digest || window.stageEpoch !== state.stageEpoch) return state;
  const served = serve(state.served, window, longestPauseSeconds);
  if (window.excluded !== undefined) return { ...state, served };
  const newest = state.newest === undefined || window.to > state.newest ? window.to : state.newest;
  if (window.requests === 0) return { ...state, newest, served };
  const candidateLiveRequests = state.candidateLiveRequests + (window.mode === 'live' ? window.requests : 0);
  const open = add(state.open, window);
  const full = open.requests >= blockSize;
  return {
    ...state,
    total: add(state.total, window),
    blocks: full ? [...state.blocks, open].slice(-KEPT_BLOCKS) : state.blocks,
    open: full ? undefined : open,
    candidateLiveRequests,
    newest,
    served,
    runners: window.mode === 'live' ? withPart(state.runners, window) : state.runners,
  };
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

/** Adds live requests that stable answered while the stage served. */
export function addStableWindow(state: StageTelemetry, window: TelemetryWindow): StageTelemetry {
  if (window.mode !== 'live' || window.excluded !== undefined) return state;
  return {
    ...state,
    stableRequests: state.stableRequests + window.requests,
    runners: withPart(state.runners, window),
  };
}

function withPart(
  runners: StageTelemetry['runners'],
  { runner, requests, dominantKey }: TelemetryWindow,
): StageTelemetry['runners'] {
  if (requests === 0) return runners;
  const before = runners[runner];
  const part = {
    requests: (before?.requests ?? 0) + requests,
    dominantKey: dominantKey ?? before?.dominantKey ?? 0,
  };
  return { ...runners, [runner]: part };
}

function add(totals: TrafficTotals | undefined, window: TelemetryWindow): TrafficTotals {
  const base = totals ?? {
    requests: 0,
    errors: 0,
    withinSlo: 0,
    latency: emptySketch(),
    from: window.from,
    to: window.to,
  };
  return {
    requests: base.requests + window.requests,
    errors: base.errors + window.errors,
    withinSlo: base.withinSlo + window.withinSlo,
    latency: mergeSketches(base.latency, window.latency),
    from: window.from < base.from ? window.from : base.from,
    to: window.to > base.to ? window.to : base.to,
  };
}
