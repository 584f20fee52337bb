import { isConclaveError } from '@conclave/contracts';
import { isEnded, missingForNextStep, type Rollout, type Seating, type World, withSeating } from '@conclave/core';
import type { WorldFollower } from '@conclave/service';

export interface AwaitedEnding {
  readonly model: string;
  readonly version: string;
  /** Longest time the rollout usually takes, milliseconds. */
  readonly usualMs: number;
  /** Milliseconds between two looks at what is missing, once it takes longer; default 5,000. */
  readonly lookMs?: number;
  /**
   * Told what the rollout still needs when it takes longer than usual, and again whenever that changes; the wait then has no end of its own.
   * Without it the wait fails after `usualMs`.
   */
  readonly onMissing: ((missing: readonly string[]) => void) | undefined;
  /** Who sits: a step that no meeting can decide on says so. */
  readonly seating?: () => Seating;
  readonly signal: AbortSignal;
}

/** Resolves with the newest rollout of the version once it has ended. @throws CVE_TOOL_TIMEOUT, CVE_CANCELLED */
export async function awaitEnding(follower: WorldFollower, awaited: AwaitedEnding): Promise<Rollout> {
  const { model, version, usualMs, lookMs = 5_000, onMissing, signal } = awaited;
  const what = `the end of the rollout of ${model} ${version}`;
  let told: string | undefined;
  for (let timeoutMs = usualMs; ; timeoutMs = lookMs) {
    try {
      return await follower.waitFor((world) => endedRollout(world, model, version), { timeoutMs, signal, what });
    } catch (error) {
      if (onMissing === undefined || !isConclaveError(error, 'CVE_TOOL_TIMEOUT')) throw error;
    }
    const missing = missingFor(follower.world, awaited);
    const kinds = missing.map(withoutFigures).join('\n');
    if (kinds !== told) onMissing(missing);
    told = kinds;
  }
}

/** The newest rollout of a version. */
export function rolloutOf(world: World, model: string, version: string): Rollout | undefined {
  const state = world.rollouts[model];
  const all = state?.current === undefined ? [] : [state.current, ...state.past];
  return all.find((rollout) => rollout.definition.version === version);
}

function endedRollout(world: World, model: string, version: string): Rollout | undefined {
  const found = rolloutOf(world, model, version);
  return found !== undefined && isEnded(found) ? found : undefined;
}

function missingFor(world: World, { model, version, seating }: AwaitedEnding): string[] {
  const state = world.rollouts[model];
  const rollout = rolloutOf(world, model, version);
  if (state === undefined || rollout === undefined) return [`no rollout of ${version} is recorded`];
  return withSeating(missingForNextStep(state, rollout, new Date()), rollout, seating?.());
}

/** Figures move all the time: seconds of soak, samples, values. */
function withoutFigures(sentence: string): string {
  return sentence.replace(/\d[\d.]*/g, '#');
}
