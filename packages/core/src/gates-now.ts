import type { LiveGates, Verdict } from '@conclave/contracts';
import { missingForNextStep, missingInStage } from './eligibility.ts';
import type { Rollout, RolloutsState } from './folds/rollout.ts';

/** Milliseconds after which what a leader said last is not called live any more. */
const FRESH_MS = 10_000;

/** The verdict of each gate as it stands now; recorded ones where no leader tells. */
export interface GatesNow {
  verdictOf(gate: string): Verdict | undefined;
  /** When the leader judged; undefined: nobody did lately, and what is given are the last transitions. */
  readonly at: string | undefined;
}

/** @param live what the leader said last, about whatever */
export function gatesNow(rollout: Rollout, live: LiveGates | undefined, now: Date): GatesNow {
  const fits =
    live !== undefined &&
    live.rolloutId === rollout.rolloutId &&
    live.stageEpoch === rollout.stageEpoch &&
    now.getTime() - Date.parse(live.at) < FRESH_MS;
  if (!fits) return { at: undefined, verdictOf: (gate) => rollout.verdicts[gate] };
  const verdicts = new Map(live.verdicts.map((v) => [v.gate, v]));
  return { at: live.at, verdictOf: (gate) => verdicts.get(gate) ?? rollout.verdicts[gate] };
}

/**
 * What keeps the rollout from its next step, with the figures of now. What is missing is decided by what is recorded: a gate that has just
 * passed counts with its transition, a moment later.
 */
export function missingNow(state: RolloutsState, rollout: Rollout, gates: GatesNow, now: Date): string[] {
  const told = new Map(
    missingInStage(state, rollout, now)
      .filter(({ kind }) => kind === 'gate')
      .map(({ name, sentence }) => [sentence, gates.verdictOf(name)] as const),
  );
  return missingForNextStep(state, rollout, now).map((sentence) => {
    const current = told.get(sentence);
    return current === undefined || current.outcome === 'pass'
      ? sentence
      : `gate ${current.gate} is ${current.outcome}: ${current.sentence}`;
  });
}
