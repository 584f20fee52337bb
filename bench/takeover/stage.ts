import { type Bus, publishTelemetry } from '@conclave/bus';
import { addLatency, emptySketch, subjects, type TelemetryWindow } from '@conclave/contracts';
import { digestFor } from '@conclave/histories';

export const WEEK_SECONDS = 604_800;
const RUNNERS = 10;
const CANDIDATE = { version: '1.1', requests: 5, epoch: { stageEpoch: 1 } };
const STABLE = { version: '1.0', requests: 95, epoch: { besideEpoch: 1 } };
/** Windows under way at a time. */
const IN_FLIGHT = 256;

/** Publishes a week of windows, half of them the candidate's. @returns the candidate's requests */
export async function fill(bus: Bus, model: string, windows: number): Promise<number> {
  const rounds = Math.ceil(windows / (2 * RUNNERS));
  const seconds = WEEK_SECONDS / rounds;
  const startMs = Date.now() - WEEK_SECONDS * 1000;
  const under = new Set<Promise<void>>();
  let requests = 0;
  for (let round = 0; round < rounds; round++) {
    const [from, to] = [round, round + 1].map((n) => new Date(startMs + n * seconds * 1000).toISOString());
    for (let runner = 0; runner < RUNNERS; runner++)
      for (const side of [CANDIDATE, STABLE]) {
        const window = measured(model, side, { runner: `gpu-runner-${runner}`, from: from ?? '', to: to ?? '' });
        if (side === CANDIDATE) requests += window.requests;
        const sending = publishTelemetry(bus, subjects.telemetry(model, side.version), window);
        under.add(sending);
        void sending.finally(() => under.delete(sending));
        if (under.size >= IN_FLIGHT) await Promise.race(under);
      }
  }
  await Promise.all(under);
  return requests;
}

function measured(
  model: string,
  { version, requests, epoch }: typeof CANDIDATE | typeof STABLE,
  span: Pick<TelemetryWindow, 'runner' | 'from' | 'to'>,
): TelemetryWindow {
  const latency = emptySketch();
  // Between 2 and 8 ms, most of them fast.
  for (let request = 0; request < requests; request++) addLatency(latency, 2 + 6 * Math.random() ** 3);
  return {
    ...{ kind: 'window', series: span.runner, model, version, digest: digestFor(model, version), mode: 'live' },
    ...{ requests, errors: 0, withinSlo: requests, latencyThresholdMs: 50, latency },
    ...epoch,
    ...span,
  };
}
