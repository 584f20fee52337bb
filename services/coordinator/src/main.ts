import { randomUUID } from 'node:crypto';
import { ensureTopology, openSeats, openSnapshots, type Quarantined } from '@conclave/bus';
import { followWorld, receiving, runService, systemClock } from '@conclave/service';
import { serveReplicaApi } from './api/replica-api.ts';
import { optionsOf } from './coordinator-options.ts';
import { QuarantineBox } from './incidents/quarantine-reports.ts';
import { followEvidence } from './leader/evidence-follower.ts';
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
    const quarantine = new QuarantineBox();
    const onQuarantined = (message: Quarantined): void => quarantine.add(message);
    const stored = openSnapshots(bus, { onQuarantined });
    const follower = await followWorld({ journal, snapshots: stored, onError: halt });
    health.register('journal', receiving(bus, follower));
    await follower.ready();
    const evidence = await followEvidence({
      bus,
      snapshots: stored,
      follower,
      clock: systemClock,
      longestPauseSeconds: options.evidenceMaxAgeSeconds,
      log,
      onQuarantined,
    });
    health.register('telemetry', receiving(bus, evidence));

    const shared = { bus, journal, clock: systemClock, operators, newId: randomUUID };
    const runners = await watchRunners(bus, { onQuarantined });
    // Nothing here depends on the seats; but somebody has to report what does not count among them.
    const stopSeats = await openSeats(bus, undefined, { onQuarantined }).watch(() => {});
    const replicaApi = serveReplicaApi({
      ...shared,
      instance,
      soakSeconds: options.soakSeconds,
      world: () => follower.world,
      runners: runners.present,
    });
    await replicaApi.ready();
    const terms = standForLeader({ ...shared, follower, evidence, quarantine, options, instance, log, health, halt });
    const snapshots = setInterval(() => {
      for (const each of [follower, evidence])
        each.saveSnapshot().catch((error: unknown) => log.error({ err: error }, 'a snapshot was not saved'));
    }, SNAPSHOT_MS);

    return {
      async stop() {
        clearInterval(snapshots);
        await terms.stop();
        await replicaApi.stop();
        await stopSeats();
        await runners.stop();
        await evidence.stop();
        await follower.stop();
      },
    };
  },
});
