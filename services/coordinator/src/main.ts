import { randomUUID } from 'node:crypto';
import { ensureTopology, holdLease, openSnapshots } from '@conclave/bus';
import { messageOf } from '@conclave/contracts';
import { followWorld, receiving, runService, systemClock } from '@conclave/service';
import { serveReplicaApi } from './api/replica-api.ts';
import { type Leadership, lead } from './leader/leadership.ts';
import { optionsOf } from './leader/options.ts';

const SNAPSHOT_MS = 60_000;

/** An event that this version cannot read ends the process: going on would be to skip it. */
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
    const replicaApi = serveReplicaApi({ ...shared, world: () => follower.world });

    // Terms follow one another: a new one starts only when the last has wound down.
    let term: Promise<Leadership | undefined> = Promise.resolve(undefined);
    const endTerm = (): void => {
      term = term.then(async (leadership) => {
        for (const name of Object.keys(leadership?.receivers ?? {})) health.unregister(name);
        await leadership?.stop();
        return undefined;
      });
    };
    const lease = holdLease(bus, {
      name: 'coordinator',
      holder: instance,
      ttlMs: options.leaseTtlMs,
      onAcquired(held) {
        log.info({ fence: held.fence }, 'leading');
        term = term.then(async () => {
          try {
            const leadership = await lead(held, { ...shared, follower, options, instance, log });
            for (const [name, receiver] of Object.entries(leadership.receivers))
              health.register(name, receiving(bus, receiver));
            return leadership;
          } catch (error) {
            log.error({ err: error }, `this term could not start: ${messageOf(error)}`);
            return undefined;
          }
        });
      },
      onLost(reason) {
        log.info({ reason }, 'no longer leading');
        endTerm();
      },
    });
    const snapshots = setInterval(() => {
      follower.saveSnapshot().catch((error: unknown) => log.error({ err: error }, 'the snapshot was not saved'));
    }, SNAPSHOT_MS);

    return {
      async stop() {
        clearInterval(snapshots);
        endTerm();
        await term;
        await lease.release();
        await replicaApi.stop();
        await follower.stop();
      },
    };
  },
});
