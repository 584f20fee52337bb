import { openRoster, seatStatus } from '@conclave/agents';
import { openSnapshots } from '@conclave/bus';
import { faultPoint, followWorld, receiving, runService, startSeatReport, systemClock } from '@conclave/service';
import { startExecutor } from './executor.ts';
import { createToolbox } from './tools/toolbox.ts';
import { assembleTeam } from './workers/team.ts';
import { worldView } from './world/world-view.ts';

await runService({
  name: 'executor',
  async start(context) {
    const { bus, journal, config, health, instance, dataDir, log } = context;
    const follower = await followWorld({
      journal,
      snapshots: openSnapshots(bus),
      // An event that this version cannot read: it must not go on without it.
      onError: (error) => setImmediate(() => Promise.reject(error)),
    });
    health.register('journal', receiving(bus, follower));
    await follower.ready();
    const world = worldView(follower, journal);
    const httpToken = process.env.CONCLAVE_HTTP_TOKEN;
    const tools = await createToolbox({ bus, journal, world, config, clock: systemClock, dataDir, httpToken });
    const roster = openRoster(Object.values(config.executiveTeam), process.env, {
      now: systemClock.now,
      onLists: () => undefined,
    });
    const workerFor = assembleTeam(config.executiveTeam, tools, process.env, roster);
    const consumer = startExecutor({
      bus,
      journal,
      config,
      world,
      tools,
      workerFor,
      instance,
      clock: systemClock,
      faultPoint,
      log,
    });
    health.register('actions', receiving(bus, consumer));
    const seats = startSeatReport({
      bus,
      log,
      team: 'executive',
      instance,
      seats: () => Object.entries(config.executiveTeam).map(([role, agent]) => seatStatus(role, agent, roster)),
    });
    return {
      async stop() {
        roster.stop();
        await seats.stop();
        await consumer.stop();
        await follower.stop();
      },
    };
  },
});
