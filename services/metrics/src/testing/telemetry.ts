import { addLatency, emptySketch, type RunnerStatus, type TelemetryWindow } from '@conclave/contracts';
import { DIGESTS } from './history.ts';

const RUNNER = 'gpu-runner-0';
const WINDOW_MS = 10_000;

/** Windows of the last `minutes`: 1.0 answers 80%, 1.1 answers 20% at stage epoch 5. The same arguments give the same numbers. */
export function realisticWindows(now: Date, minutes: number): TelemetryWindow[] {
  const windows: TelemetryWindow[] = [];
  const end = Math.floor(now.getTime() / WINDOW_MS) * WINDOW_MS;
  for (let to = end - minutes * 60_000 + WINDOW_MS; to <= end; to += WINDOW_MS) {
    const wave = Math.sin(to / 90_000);
    windows.push(window('1.0', to, Math.round(64 + 12 * wave), 4.1 + wave * 0.6));
    windows.push({
      ...window('1.1', to, Math.round(16 + 3 * wave), 2.7 + Math.cos(to / 40_000) * 0.4),
      rolloutId: 'emoji-search-1.1',
      stageEpoch: 5,
    });
  }
  return windows;
}

function window(version: '1.0' | '1.1', to: number, requests: number, typicalMs: number): TelemetryWindow {
  const latency = emptySketch();
  for (let i = 0; i < requests; i++) addLatency(latency, typicalMs * (0.6 + (i / requests) ** 3));
  return {
    kind: 'window',
    runner: RUNNER,
    model: 'emoji-search',
    version,
    digest: DIGESTS[version],
    mode: 'live',
    from: new Date(to - WINDOW_MS).toISOString(),
    to: new Date(to).toISOString(),
    requests,
    errors: 0,
    withinSlo: requests,
    latencyThresholdMs: 50,
    latency,
  };
}

export function realisticRunner(now: Date): RunnerStatus {
  const state = { state: 'ready', detail: 'warm-up 212 ms' } as const;
  return {
    runner: RUNNER,
    roles: ['serve', 'evaluate'],
    at: now.toISOString(),
    url: 'http://127.0.0.1:7071',
    models: [
      {
        model: 'emoji-search',
        rolloutSeq: 100,
        confirmed: true,
        versions: [
          { version: '1.0', digest: DIGESTS['1.0'], ...state, share: 0.8, mode: 'live' },
          { version: '1.1', digest: DIGESTS['1.1'], ...state, share: 0.2, mode: 'live', stageEpoch: 5 },
        ],
      },
    ],
  };
}
