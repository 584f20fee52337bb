import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TelemetryWindow } from '@conclave/contracts';
import type { RolloutsState } from '@conclave/core';
import { ServedModels, type ServedModelsOptions } from '../versions/served-models.ts';
import { VERSIONS } from './rollouts.ts';
import { type Files, tinyDataset, writeFiles } from './tiny-bundle.ts';

/** A runner's serving half over bundles on disk: real processes, no NATS. */
export interface Serving extends AsyncDisposable {
  readonly models: ServedModels;
  readonly windows: TelemetryWindow[];
  /** Applies a state of the rollouts and has the leader confirm it. */
  serve(state: RolloutsState): void;
  /** The folder of a version or the dataset. */
  fetchDirectory(digest: string): Promise<string>;
  /** `1.0 ready` for each version. */
  states(): string[];
}

/** @param bundles files of versions 1.0 and, if there is a candidate, 1.1 */
export function startServing(
  bundles: { '1.0': Files; '1.1'?: Files },
  options: Partial<ServedModelsOptions> = {},
): Serving {
  const root = mkdtempSync(join(tmpdir(), 'serving-'));
  const dirs = new Map([
    [VERSIONS.dataset, writeFiles(join(root, 'dataset'), tinyDataset())],
    [VERSIONS['1.0'], writeFiles(join(root, '1.0'), bundles['1.0'])],
    [VERSIONS['1.1'], writeFiles(join(root, '1.1'), bundles['1.1'] ?? {})],
  ]);
  const windows: TelemetryWindow[] = [];
  const fetchDirectory = async (digest: string) => dirs.get(digest) ?? Promise.reject(new Error(`no ${digest}`));
  const models = new ServedModels({
    runner: 'runner-0',
    maxBatch: 8,
    maxBatchWaitMs: 0,
    maxQueue: 64,
    // Longer than any machine stands still: no test is about them.
    requestTimeoutMs: 60_000,
    desiredConfirmationTimeoutMs: 600_000,
    provider: 'cpu',
    sloLatencyMs: 50,
    keepPreviousSeconds: 0,
    fetchDirectory,
    onWindows: (closed) => void windows.push(...closed),
    ...options,
  });
  return {
    models,
    windows,
    fetchDirectory,
    serve(state) {
      models.apply([state]);
      models.hear({ model: state.model, seq: state.seq, leader: 'coordinator-0', leaderEpoch: 1 });
    },
    states: () => models.status()[0]?.versions.map(({ version, state }) => `${version} ${state}`) ?? [],
    async [Symbol.asyncDispose]() {
      await models.stop();
      rmSync(root, { recursive: true });
    },
  };
}
