import { basename } from 'node:path';
import { redactText } from '@conclave/service';
import type { HeardGates } from './heard-gates.ts';
import type { JournalMirror } from './journal/mirror.ts';
import type { Runners } from './runners.ts';
import type { Seats } from './seats.ts';
import type { WindowStore } from './telemetry/window-store.ts';

/** Everything this service knows, and the clock by which it says it. */
export interface Observed {
  readonly mirror: JournalMirror;
  readonly telemetry: WindowStore;
  readonly runners: Runners;
  /** How the gates stand now; without it, as they were recorded last. */
  readonly gates?: HeardGates;
  /** Who sits in the chairs; without it nothing is said of them. */
  readonly seats?: Seats;
  /** Seconds between the heartbeats that the leader records. */
  readonly heartbeatIntervalSeconds: number;
  /** Which of the systems that may run on a machine this is. */
  readonly stack: StackName;
  now(): Date;
}

/** What a service knows of the stack that it belongs to. */
export interface StackName {
  readonly natsUrl: string;
  /** File name of the configuration. */
  readonly config: string;
  /** State folder of a stack on one machine; null elsewhere. */
  readonly stateDir: string | null;
}

export function stackName(env: Readonly<Record<string, string | undefined>>): StackName {
  return {
    natsUrl: redactText(env.CONCLAVE_NATS_URL ?? ''),
    config: basename(env.CONCLAVE_CONFIG ?? ''),
    stateDir: env.CONCLAVE_STATE ?? null,
  };
}
