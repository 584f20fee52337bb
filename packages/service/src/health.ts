import { type Clock, systemClock } from './clock.ts';

/** What a check says. */
export interface CheckResult {
  /** False: this process cannot do its work any more and should be restarted. */
  readonly ok: boolean;
  /** One line for a person. */
  readonly detail: string;
  /** False: alive, but not to be sent work yet. Default: `ok`. */
  readonly ready?: boolean;
}

export type Check = () => CheckResult;

export interface HealthReport {
  readonly ok: boolean;
  readonly checks: Readonly<Record<string, CheckResult>>;
}

/** Collects the checks that decide whether a process lives and is ready. */
export interface Health {
  register(name: string, check: Check): void;
  unregister(name: string): void;
  /** Alive: every check is ok. */
  live(): HealthReport;
  /** Ready: every check is ok and ready. */
  ready(): HealthReport;
}

export function createHealth(): Health {
  const checks = new Map<string, Check>();
  const run = (passes: (result: CheckResult) => boolean): HealthReport => {
    const results: Record<string, CheckResult> = {};
    for (const [name, check] of checks) results[name] = runCheck(check);
    return { ok: Object.values(results).every(passes), checks: results };
  };
  return {
    register(name, check) {
      checks.set(name, check);
    },
    unregister(name) {
      checks.delete(name);
    },
    live: () => run((result) => result.ok),
    ready: () => run((result) => result.ok && result.ready !== false),
  };
}

function runCheck(check: Check): CheckResult {
  try {
    return check();
  } catch (error) {
    return { ok: false, detail: `the check itself failed: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** Something that receives from NATS: a Follower or a WorkConsumer. */
export interface Receiver {
  /** `performance.now()` of the last sign of life. */
  readonly lastActivityAt: number;
  readonly caughtUp?: boolean;
}

/**
 * A check for a receiver: not ready until it has caught up, not ok when it has heard nothing for `silenceMs` (default 15 000) although
 * NATS has been connected for as long. Idle heartbeats count, so an idle stream is no silence.
 */
export function receiving(
  bus: { readonly connected: boolean },
  receiver: Receiver,
  options: { silenceMs?: number; clock?: Pick<Clock, 'monotonicMs'> } = {},
): Check {
  const { silenceMs = 15_000, clock = systemClock } = options;
  let connectedSince: number | undefined;
  return () => {
    const now = clock.monotonicMs();
    if (!bus.connected) connectedSince = undefined;
    else connectedSince ??= now;
    const ready = receiver.caughtUp !== false;
    const silentMs = Math.round(now - receiver.lastActivityAt);
    if (connectedSince === undefined) return { ok: true, ready: false, detail: 'NATS is not connected' };
    const stalled = silentMs > silenceMs && now - connectedSince > silenceMs;
    return {
      ok: !stalled,
      ready: ready && !stalled,
      detail: `last heard ${silentMs} ms ago${ready ? '' : ', catching up'}`,
    };
  };
}
