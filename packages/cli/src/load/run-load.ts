import { fetchQueries } from '@conclave/bundles';
import { type Bus, openArtifacts, openMembership } from '@conclave/bus';
import { ConclaveError, quantile, type RunnerStatus, runnerStatus } from '@conclave/contracts';
import { queryInputOf } from '@conclave/core';
import { readRunners, readWorld } from '../read-world.ts';
import { askedSplit } from './asked-split.ts';
import { type LoadDriver, startLoad } from './driver.ts';
import { type LoadSummary, splitText } from './load-summary.ts';
import { LoadMeter, percentilesText } from './meter.ts';
import { inputTaken, readyRunners, type ServedModel, servingOnRecord, untilReady } from './served-model.ts';

const READY_MS = 60_000;

export interface LoadRun {
  readonly model: string;
  readonly requestsPerSecond: number;
  /** Undefined: until it is stopped. */
  readonly durationMs: number | undefined;
  readonly clients: number;
  readonly httpToken: string | undefined;
  readonly cacheDir: string;
  /** Milliseconds between two live lines. */
  readonly everyMs: number;
  onLine(text: string): void;
  /** What happens once, such as waiting for a runner. */
  onNote(text: string): void;
  readonly signal: AbortSignal;
}

/**
 * Sends a model its own queries until the time is over or the signal comes.
 * @throws CVE_MODEL_UNKNOWN, CVE_INFER_NOT_READY, CVE_DATASET_INVALID before anything is sent
 */
export async function runLoad(bus: Bus, run: LoadRun): Promise<LoadSummary> {
  const { model, requestsPerSecond, clients, httpToken, signal } = run;
  const served = servingOnRecord(await readWorld(bus), model);
  const runners = await untilReady(() => readRunners(bus), served, READY_MS, run.onNote);
  requireHttp(readyRunners(runners, model, served.version), served);
  const queries = await fetchQueries(openArtifacts(bus), served.dataset, run.cacheDir);
  const form = inputTaken(runners, model, served.version);
  const inputs = queries.map((query) => queryInputOf(query, form));
  run.onNote(
    `${inputs.length} queries of its dataset to ${model}, ${requestsPerSecond} a second, ${clients} client keys`,
  );

  const meter = new LoadMeter();
  let present: readonly RunnerStatus[] = runners;
  const stopWatching = await openMembership(bus).watch((all) => {
    present = [...all.values()].flatMap((value) => runnerStatus.safeParse(value).data ?? []);
    meter.ask(askedSplit(present, model));
  });
  const startedMs = performance.now();
  const load = startLoad({
    endpoints: () => endpointsOf(present, model),
    httpToken,
    model,
    inputs,
    requestsPerSecond,
    clients,
    onAnswer: ({ version }, latencyMs) => meter.answered(version, latencyMs, performance.now()),
  });
  const rate = new RateMeter(load);
  const tell = (): void => run.onLine(liveLine(load, meter, rate.of(performance.now())));
  const lines = setInterval(tell, run.everyMs);
  let seconds: number;
  try {
    await over(run.durationMs, signal);
    seconds = (performance.now() - startedMs) / 1000;
  } finally {
    clearInterval(lines);
    await load.stop();
    await stopWatching();
  }
  const { counts } = load;
  const at = (q: number): number | null => rounded(quantile(meter.whole, q));
  return {
    model,
    dataset: served.dataset,
    queries: inputs.length,
    seconds: Math.round(seconds * 10) / 10,
    rate: { asked: requestsPerSecond, sent: Math.round((counts.sent / seconds) * 10) / 10 },
    sent: counts.sent,
    answered: counts.answered,
    failed: counts.failed,
    retried: counts.retried,
    withheld: counts.withheld,
    lastFailure: counts.lastFailure ?? null,
    latencyMs: { p50: at(0.5), p95: at(0.95), p99: at(0.99) },
    byVersion: counts.byVersion,
    split: meter.split(),
  };
}

function liveLine({ counts }: LoadDriver, meter: LoadMeter, sentPerSecond: number): string {
  const withheld = counts.withheld === 0 ? '' : `, ${counts.withheld} withheld (200 wait for an answer)`;
  const retried = counts.retried === 0 ? '' : `, ${counts.retried} asked again`;
  return [
    `${sentPerSecond.toFixed(1)}/s`,
    `${counts.answered} answered, ${counts.failed} failed${retried}${withheld}`,
    percentilesText(meter.recent(performance.now())),
    splitText(meter.split()),
    ...(counts.failed > 0 && counts.lastFailure !== undefined ? [`last failure: ${counts.lastFailure}`] : []),
  ].join('  ');
}

/** Runners that have the model's versions in hand; the ready ones where there are any. */
function endpointsOf(runners: readonly RunnerStatus[], model: string): string[] {
  const has = (runner: RunnerStatus, isReady: boolean): boolean =>
    runner.models.some(
      (one) => one.model === model && one.versions.some((v) => !isReady || (v.state === 'ready' && v.mode === 'live')),
    );
  const ready = runners.filter((runner) => has(runner, true));
  return (ready.length > 0 ? ready : runners.filter((runner) => has(runner, false)))
    .map(({ url }) => url)
    .filter((url) => url !== '')
    .sort();
}

function requireHttp(ready: readonly RunnerStatus[], { model }: Pick<ServedModel, 'model'>): void {
  if (ready.some(({ url }) => url !== '')) return;
  throw new ConclaveError(
    'CVE_INFER_NOT_READY',
    `no runner that serves ${model} tells its HTTP address; set CONCLAVE_RUNNER_URL where the gpu-runner runs`,
  );
}

/** How many were sent a second, over the time between two looks. */
class RateMeter {
  readonly #load: LoadDriver;
  #atMs = performance.now();
  #sent = 0;

  constructor(load: LoadDriver) {
    this.#load = load;
  }

  of(nowMs: number): number {
    const { sent } = this.#load.counts;
    const rate = ((sent - this.#sent) * 1000) / Math.max(1, nowMs - this.#atMs);
    this.#atMs = nowMs;
    this.#sent = sent;
    return rate;
  }
}

async function over(durationMs: number | undefined, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = durationMs === undefined ? undefined : setTimeout(resolve, durationMs);
  const keptAlive = setInterval(() => {}, 60_000);
  signal.addEventListener('abort', () => resolve(), { once: true });
  if (signal.aborted) resolve();
  await promise;
  clearTimeout(timer);
  clearInterval(keptAlive);
}

function rounded(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(value * 10) / 10;
}
