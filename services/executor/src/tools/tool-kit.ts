import { join } from 'node:path';
import { fetchQueries } from '@conclave/bundles';
import { type Bus, followTelemetry, type Journal, openArtifacts, openMembership, openWorkQueue } from '@conclave/bus';
import type { ConclaveConfig, Digest } from '@conclave/contracts';
import type { Clock } from '@conclave/service';
import { scriptRunner } from '../scripts/run-script.ts';
import type { WorldView } from '../world/world-view.ts';

export interface ToolboxOptions {
  readonly bus: Bus;
  readonly journal: Journal;
  readonly world: WorldView;
  readonly config: Pick<ConclaveConfig, 'executor' | 'pace'>;
  readonly clock: Clock;
  /** Survives a restart: remembers which scripts were started. */
  readonly dataDir: string;
  readonly httpToken: string | undefined;
}

/** Processes one script may have at a time, and megabytes of one file it may write. */
const SCRIPT_PROCESSES = 64;
const SCRIPT_FILE_MB = 256;

/** What tools are made with; each takes what it needs (`connect` of its file). */
export type ToolKit = ReturnType<typeof toolKit>;

/** The kit of the real system. */
export function toolKit(options: ToolboxOptions) {
  const { bus, journal, world, config, clock, dataDir, httpToken } = options;
  const { scriptRoots, python, scriptTimeoutSeconds, scriptMemoryMb, scriptOutputBytes } = config.executor;
  const membership = openMembership(bus);
  const artifacts = openArtifacts(bus);
  return {
    bus,
    journal,
    world,
    clock,
    httpToken,
    scriptRoots,
    queue: openWorkQueue(bus),
    scripts: scriptRunner({
      python,
      markerDir: join(dataDir, 'script-markers'),
      limits: {
        timeoutMs: scriptTimeoutSeconds * 1000,
        memoryMb: scriptMemoryMb,
        maxFileMb: SCRIPT_FILE_MB,
        maxProcesses: SCRIPT_PROCESSES,
        outputBytes: scriptOutputBytes,
      },
    }),
    // What nobody signed counts nowhere; the coordinator reports it.
    follow: (source: Omit<Parameters<typeof followTelemetry>[1], 'onQuarantined'>) =>
      followTelemetry(bus, { ...source, onQuarantined() {} }),
    patienceMs: Math.min(60_000, Math.max(5000, 3000 * config.pace.windowSeconds)),
    members: () => membership.all(),
    fetch,
    queriesOf: (dataset: Digest) => fetchQueries(artifacts, dataset, join(dataDir, 'queries')),
  };
}
