import { connectBus, openJournal } from '@conclave/bus';
import { testKeyring, testSigner } from '@conclave/bus/testing';
import { conclaveConfig, type PlannedAction } from '@conclave/contracts';
import { type Clock, followWorld, systemClock } from '@conclave/service';
import type { PerformDeps } from '../action/perform.ts';
import { createToolbox } from '../tools/toolbox.ts';
import { rulesWorker } from '../workers/rules.ts';
import type { Worker } from '../workers/worker.ts';
import { worldView } from '../world/world-view.ts';
import type { Bench } from './bench.ts';

export interface PerformerOptions {
  readonly instance?: string;
  readonly workerFor?: (action: PlannedAction) => Worker;
  readonly actionTimeoutMs?: number;
  readonly clock?: Clock;
  readonly faultPoint?: (name: string) => Promise<void>;
}

/** Everything an executor has but its queue, with a connection of its own. */
export interface Performer extends AsyncDisposable {
  readonly deps: PerformDeps;
}

const SILENT = { info() {}, warn() {} };

export async function startPerformer(bench: Bench, options: PerformerOptions = {}): Promise<Performer> {
  const instance = options.instance ?? 'executor-0';
  const bus = await connectBus({
    servers: bench.test.nats.url,
    name: instance,
    keyring: testKeyring,
    signer: testSigner,
  });
  const journal = openJournal(bus, { by: instance });
  const follower = await followWorld({
    journal,
    onError(error) {
      throw error;
    },
  });
  await follower.ready();
  const world = worldView(follower, journal);
  const { clock = systemClock } = options;
  const config = conclaveConfig.parse({ pace: { windowSeconds: 1 }, executor: { scriptRoots: [bench.dir] } });
  const tools = await createToolbox({ bus, journal, world, config, clock, dataDir: bench.dir, httpToken: undefined });
  return {
    deps: {
      journal,
      world,
      tools,
      workerFor: options.workerFor ?? rulesWorker,
      instance,
      actionTimeoutMs: options.actionTimeoutMs ?? 30_000,
      clock,
      faultPoint: options.faultPoint ?? (async () => {}),
      log: SILENT,
    },
    async [Symbol.asyncDispose]() {
      await follower.stop();
      await bus.drain();
    },
  };
}
