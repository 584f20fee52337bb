import type { Follower, Journal } from '@conclave/bus';
import { messageOf, parseCommit, subjects } from '@conclave/contracts';
import { foldRollouts, initialRollouts, type RolloutsState } from '@conclave/core';

export interface RolloutFollowerOptions {
  readonly journal: Pick<Journal, 'follow'>;
  /** Called with every model's state when the journal has been read to its end, then with one after each commit. */
  onStates(states: Iterable<RolloutsState>): void;
  /** An event that this version cannot read, or a journal that cannot be read: following has ended for good. */
  onHalt(reason: string, error: unknown): void;
}

/** Follows the rollouts of all models in the journal. Nothing is acted on before the present is reached. */
export function followRollouts({ journal, onStates, onHalt }: RolloutFollowerOptions): Follower {
  const states = new Map<string, RolloutsState>();
  let caughtUp = false;
  return journal.follow({
    filters: [subjects.journalKind('rollouts')],
    onCommit(commit) {
      const model = commit.aggregate.id;
      const state = foldRollouts(states.get(model) ?? initialRollouts(model), parseCommit('rollouts', commit));
      states.set(model, state);
      if (caughtUp) onStates([state]);
    },
    onCaughtUp() {
      caughtUp = true;
      onStates(states.values());
    },
    onError: (error) => onHalt(messageOf(error), error),
  });
}
