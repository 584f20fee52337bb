import { randomUUID } from 'node:crypto';
import { ensureTopology, openSnapshots } from '@conclave/bus';
import { followWorld, receiving, runService, systemClock } from '@conclave/service';
import { serveReplicaApi } from './api/replica-api.ts';
import { optionsOf } from './coordinator-options.ts';
import { standForLeader } from './leader/terms.ts';
import { watchRunners } from './leader/watch-runners.ts';

const SNAPSHOT_MS = 60_000;

/** Ends the process through its handler of uncaught errors. An event that this version cannot read is one case: going on would be to skip it. */
const halt = (error: unknown): void => {
  setImmediate(() => {
    throw error;
  });
};

await runService({
  name: 'coordinator',
  topology: 'own',
  async start(ctx) {
    const { bus, journal, log, health, instance, operators } = ctx;
    const options = optionsOf(ctx.config);
    await ensureTopology(bus, { replicas: 1, leaseTtlMs: options.leaseTtlMs });
    const follower = await followWorld({ journal, snapshots: openSnapshots(bus), onError: halt });
    health.register('journal', receiving(bus, follower));
    await follower.ready();

    const shared = { bus, journal, clock: systemClock, operators, newId: randomUUID };
    const runners = await watchRunners(bus);
    const replicaApi = serveReplicaApi({
      ...shared,
      instance,
      soakSeconds: options.soakSeconds,
      world: () => follower.world,
      runners: runners.present,
    });
    await replicaApi.ready();
    const terms = standForLeader({ ...shared, follower, options, instance, log, health, halt });
    const snapshots = setInterval(() => {
      follower.saveSnapshot().catch((error: unknown) => log.error({ err: error }, 'the snapshot was not saved'));
    }, SNAPSHOT_MS);

    return {
      async stop() {
        clearInterval(snapshots);
        await terms.stop();
        await replicaApi.stop();
        await runners.stop();
        await follower.stop();
      },
    };
  },
});
