import { messageOf } from '@conclave/contracts';
import { receiving, runService, systemClock } from '@conclave/service';
import { registerApi } from './http/api.ts';
import { registerEvents } from './http/events.ts';
import { registerPage } from './http/page.ts';
import { JournalMirror } from './journal/mirror.ts';
import type { Observed } from './observed.ts';
import { registerMetrics } from './prometheus/metrics.ts';
import { Runners, watchRunners } from './runners.ts';
import { followWindows } from './telemetry/follow.ts';
import { WindowStore } from './telemetry/window-store.ts';

const TELEMETRY_KEPT_MS = 15 * 60_000;

await runService({
  name: 'metrics',
  async start({ bus, journal, http, registry, log, health }) {
    const observed: Observed = {
      mirror: new JournalMirror(),
      telemetry: new WindowStore(TELEMETRY_KEPT_MS),
      runners: new Runners(),
      now: () => systemClock.now(),
    };
    registerMetrics(registry, observed);
    registerPage(http);
    registerApi(http, observed, journal);
    const events = registerEvents(http, observed, journal);

    let halted: string | undefined;
    const world = observed.mirror.follow(journal, (error) => {
      halted = messageOf(error);
      log.error({ reason: halted }, 'the journal cannot be read on; what is shown stays as it is');
    });
    const windows = followWindows(bus, observed.telemetry, observed.now(), (error) => {
      log.warn({ reason: messageOf(error) }, 'a telemetry message is left out');
    });
    const stopRunners = await watchRunners(bus, observed.runners, (reason) => {
      log.warn({ reason }, 'a runner status is unreadable');
    });
    const journalCheck = receiving(bus, world);
    health.register('journal', () => (halted === undefined ? journalCheck() : { ok: false, detail: halted }));
    health.register('telemetry', receiving(bus, windows));
    return {
      async stop() {
        events.stop();
        await Promise.all([world.stop(), windows.stop(), stopRunners()]);
      },
    };
  },
});
