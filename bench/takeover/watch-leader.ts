import type { Bus } from '@conclave/bus';
import { until } from '@conclave/bus/testing';
import { liveGates, subjects } from '@conclave/contracts';

const PATIENCE_MS = 180_000;

/** What a leader is heard to do. Times are `performance.now()`. */
export interface LeaderWatch {
  /** When the runners first hear a leader after `from`. */
  confirming(from: number): Promise<number>;
  /** When gates are first told, after `from`, that rest on all requests. @throws when they rest on more */
  judging(from: number): Promise<number>;
  stop(): void;
}

export function watchLeader(bus: Bus, model: string, requests: number): LeaderWatch {
  let confirmedAt = 0;
  let judgedAt = 0;
  let tooMany: number | undefined;
  const confirming = bus.subscribeCore(subjects.desired(model), () => {
    confirmedAt = performance.now();
  });
  const telling = bus.subscribeCore(subjects.gates(model), (message) => {
    const { verdicts } = liveGates.parse(message.json());
    const samples = verdicts.find(({ gate }) => gate === 'slo_compliance')?.samples ?? 0;
    if (samples === requests) judgedAt = performance.now();
    else if (samples > requests) tooMany = samples;
  });
  /** The first of the times that `latest` shows; it is looked at every few milliseconds, and told once a second. */
  const firstAfter = async (from: number, latest: () => number, what: string): Promise<number> =>
    await until(
      () => {
        if (tooMany !== undefined) throw new Error(`the gates rest on ${tooMany} requests, there are ${requests}`);
        return latest() > from ? latest() : undefined;
      },
      what,
      PATIENCE_MS,
    );
  return {
    confirming: (from) => firstAfter(from, () => confirmedAt, 'a leader is heard'),
    judging: (from) => firstAfter(from, () => judgedAt, `a leader judges on ${requests} requests`),
    stop() {
      confirming.unsubscribe();
      telling.unsubscribe();
    },
  };
}
