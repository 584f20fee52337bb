import { join } from 'node:path';
import { fetchQueries } from '@conclave/bundles';
import { type Bus, followTelemetry, type Journal, openArtifacts, openMembership, openWorkQueue } from '@conclave/bus';
import type { ConclaveConfig, Digest, ToolName } from '@conclave/contracts';
import type { Clock } from '@conclave/service';
import { scriptRunner } from '../scripts/run-script.ts';
import type { WorldView } from '../world/world-view.ts';
import { checkFile } from './check-file.ts';
import { collectMetrics } from './collect-metrics.ts';
import { deployModel } from './deploy-model.ts';
import { rollbackModel } from './rollback-model.ts';
import { runEvaluation } from './run-evaluation.ts';
import { runPythonScript } from './run-python-script.ts';
import { runRollbackTest } from './run-rollback-test.ts';
import { smokeTest } from './smoke-test.ts';
import type { Tool } from './tool.ts';

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

/** All tools of the executive team, connected to the real system. */
export function createToolbox(options: ToolboxOptions): ReadonlyMap<ToolName, Tool> {
  const { bus, journal, world, config, clock, dataDir, httpToken } = options;
  const { scriptRoots, python, scriptTimeoutSeconds, scriptMemoryMb, scriptOutputBytes } = config.executor;
  const membership = openMembership(bus);
  const scripts = scriptRunner({
    python,
    markerDir: join(dataDir, 'script-markers'),
    limits: {
      timeoutMs: scriptTimeoutSeconds * 1000,
      memoryMb: scriptMemoryMb,
      maxFileMb: SCRIPT_FILE_MB,
      maxProcesses: SCRIPT_PROCESSES,
      outputBytes: scriptOutputBytes,
    },
  });
  const patienceMs = Math.min(60_000, Math.max(5000, 3000 * config.pace.windowSeconds));
  const artifacts = openArtifacts(bus);
  const queriesOf = (dataset: Digest) => fetchQueries(artifacts, dataset, join(dataDir, 'queries'));
  const tools = [
    deployModel(bus),
    rollbackModel(bus, world),
    runEvaluation({ journal, queue: openWorkQueue(bus), world }),
    runRollbackTest({ bus, journal, world }),
    // What nobody signed counts nowhere; the coordinator reports it.
    collectMetrics({ follow: (source) => followTelemetry(bus, { ...source, onQuarantined() {} }), clock, patienceMs }),
    smokeTest({ members: () => membership.all(), bus, fetch, httpToken, queriesOf }),
    checkFile(scriptRoots),
    runPythonScript(scripts, scriptRoots),
  ];
  return new Map(tools.map((tool) => [tool.name, tool]));
}
