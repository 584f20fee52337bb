import { openSnapshots } from '@conclave/bus';
import { ConclaveError, messageOf } from '@conclave/contracts';
import { followWorld, receiving, runService, systemClock } from '@conclave/service';
import { followGates, HeardGates } from './heard-gates.ts';
import { registerEvents } from './http/event-stream.ts';
import { registerApi } from './http/http-api.ts';
import { registerPage } from './http/status-page.ts';
import { JournalMirror } from './journal/mirror.ts';
import { type Observed, stackName } from './observed.ts';
import { registerMetrics } from './prometheus/metrics.ts';
import { Runners, watchRunners } from './runners.ts';
import { Seats, watchSeats } from './seats.ts';
import { followWindows } from './telemetry/follow.ts';
import { WindowStore } from './telemetry/window-store.ts';

const TELEMETRY_KEPT_MS = 15 * 60_000;

await runService({
  name: 'metrics',
  async start({ bus, config, journal, http, registry, log, health, signal }) {
    let halted: string | undefined;
    const stopped = Promise.withResolvers<void>();
    const world = await followWorld({
      journal,
      snapshots: openSnapshots(bus),
      onError(error) {
        halted = messageOf(error);
        log.error({ reason: halted }, 'the journal cannot be read on; what is shown stays as it is');
        stopped.resolve();
      },
    });
    const gates = new HeardGates();
    const seats = new Seats();
    const observed: Observed = {
      gates,
      mirror: new JournalMirror(world),
      telemetry: new WindowStore(TELEMETRY_KEPT_MS, systemClock.now()),
      runners: new Runners(),
      seats,
      heartbeatIntervalSeconds: config.pace.heartbeatIntervalSeconds,
      stack: stackName(process.env),
      now: () => systemClock.now(),
    };
    registerMetrics(registry, observed);
    registerPage(http);
    registerApi(http, observed, journal);
    const events = registerEvents(http, observed, journal);

    signal.addEventListener('abort', () =>
      stopped.reject(new ConclaveError('CVE_CANCELLED', 'stopped while reading the journal')),
    );
    const folded = Promise.race([world.ready(), stopped.promise]);
    const windows = followWindows(bus, observed.telemetry, observed.now(), (error) => {
      log.warn({ reason: messageOf(error) }, 'a telemetry message is left out');
    });
    const watching = watchRunners(bus, observed.runners, (reason) => {
      log.warn({ reason }, 'a runner status is unreadable');
    });
    const hearing = followGates(bus, gates, (reason) =>
      log.warn({ reason }, 'what a leader says of its gates is unreadable'),
    );
    const watchingSeats = watchSeats(bus, seats, (reason) => {
      log.warn({ reason }, 'a report of who sits is unreadable');
    });
    const journalCheck = receiving(bus, world);
    health.register('journal', () => (halted === undefined ? journalCheck() : { ok: false, detail: halted }));
    health.register('telemetry', receiving(bus, windows));
    // The routes answer from here on: on half a journal they would deny what is on record, and counters would seem to start again.
    const [stopRunners, stopSeats] = await Promise.all([watching, watchingSeats, folded]);
    return {
      async stop() {
        events.stop();
        hearing.unsubscribe();
        await Promise.all([world.stop(), windows.stop(), stopRunners(), stopSeats()]);
      },
    };
  },
});
