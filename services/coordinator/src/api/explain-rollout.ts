import { aggregates, type RunnerStatus } from '@conclave/contracts';
import {
  awaitedOfPerson,
  describeUnreadOf,
  gatesNow,
  holdSentences,
  missingNow,
  openRollout,
  requireRollouts,
  servingOf,
  soakSecondsLeft,
  type World,
} from '@conclave/core';
import type { Clock } from '@conclave/service';
import type { RolloutDesk } from './rollout-desk.ts';

interface ExplainParts {
  readonly clock: Clock;
  readonly rollouts: RolloutDesk;
  runners(): readonly RunnerStatus[];
  world(): World;
}

/** Why a model's rollout stands where it stands. @throws CVE_ROLLOUT_UNKNOWN */
export function explainRollout(model: string, { world, clock, rollouts, runners }: ExplainParts): object {
  const state = requireRollouts(world(), model);
  const rollout = openRollout(state);
  const now = clock.now();
  const answer = {
    model,
    unread: describeUnreadOf(world(), aggregates.rollouts(model), 'this coordinator'),
    stable: state.stable ?? null,
    rollout: rollout ?? state.current ?? null,
    serving: servingOf(state, runners()),
    holds: Object.values(state.holds),
    holdSentences: holdSentences(state, now),
  };
  if (rollout === undefined)
    return { ...answer, verdicts: [], live: null, missing: [], waitsFor: [], soakSecondsLeft: null };
  const live = rollouts.live(model);
  return {
    ...answer,
    verdicts: live?.verdicts ?? [],
    live: live ?? null,
    missing: missingNow(state, rollout, gatesNow(rollout, live, now), now),
    waitsFor: awaitedOfPerson(state, rollout, now),
    soakSecondsLeft: soakSecondsLeft(rollout, now),
  };
}
