import { setTimeout as pause } from 'node:timers/promises';
import type { Rollout, World } from '@conclave/core';
import type { WorldFollower } from '@conclave/service';
import { rolloutOf } from './await-ending.ts';

/** How often a version that should earn production is rolled out, while nothing but its telemetry speaks against it. */
const MOST_ATTEMPTS = 3;
const PAUSE_MS = 10_000;
const RECORDED_WITHIN_MS = 10_000;

export interface RolledOut {
  readonly model: string;
  readonly version: string;
  /** How the version should end. */
  readonly expects: 'completed' | 'rolled_back';
  /** Milliseconds between two attempts; default 10,000. */
  readonly pauseMs?: number;
  /** Asks for a rollout of the version. */
  apply(): Promise<unknown>;
  /** Resolves with the version's newest rollout once it has ended. */
  ending(): Promise<Rollout>;
  /** Told of a rollout that fell and after which the version is applied again. */
  onFell(rollout: Rollout): void;
  readonly signal: AbortSignal;
}

/**
 * Rolls a version out, or takes the rollout that is on record, and waits for its end. A version that should earn production and fell on
 * live telemetry alone is applied again, at most twice: a machine with other things to do looks the same as a slow model.
 */
export async function rollOut(follower: WorldFollower, rolledOut: RolledOut): Promise<Rollout> {
  const { model, version, expects, pauseMs = PAUSE_MS, apply, ending, onFell, signal } = rolledOut;
  if (rolloutOf(follower.world, model, version) === undefined) await apply();
  let rollout = await ending();
  for (let attempt = 2; attempt <= MOST_ATTEMPTS; attempt++) {
    const { rolloutId } = rollout;
    const isNewest = follower.world.rollouts[model]?.current?.rolloutId === rolloutId;
    if (expects !== 'completed' || !isNewest || !fellOnTelemetry(rollout)) break;
    onFell(rollout);
    await pause(pauseMs, undefined, { signal });
    await apply();
    const isRecorded = (world: World) => rolloutOf(world, model, version)?.rolloutId !== rolloutId || undefined;
    const what = `the new rollout of ${version}`;
    await follower.waitFor(isRecorded, { timeoutMs: RECORDED_WITHIN_MS, signal, what });
    rollout = await ending();
  }
  return rollout;
}

function fellOnTelemetry({ ended, definition }: Rollout): boolean {
  return definition.gates.some((gate) => gate.name === ended?.gate && gate.source === 'telemetry');
}
