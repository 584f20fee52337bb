import type { Follower, Journal } from '@conclave/bus';
import { messageOf, readCommit, subjects } from '@conclave/contracts';
import { aggregateKey, foldReadableRollouts, initialRollouts, type RolloutsState, sayUnread } from '@conclave/core';

export interface RolloutFollowerOptions {
  readonly journal: Pick<Journal, 'follow'>;
  /** Called with every model's state when the journal has been read to its end, then with one after each commit. */
  onStates(states: Iterable<RolloutsState>): void;
  /** A model's rollout has an event that this version cannot read: what traffic it asks for is not known any more. */
  onUnread(model: string, reason: string): void;
  /** A journal that cannot be read: following has ended for good. */
  onHalt(reason: string, error: unknown): void;
}

/** Follows the rollouts of all models in the journal. Nothing is acted on before the present is reached. */
export function followRollouts({ journal, onStates, onUnread, onHalt }: RolloutFollowerOptions): Follower {
  const states = new Map<string, RolloutsState>();
  const unread = new Map<string, string>();
  let caughtUp = false;
  return journal.follow({
    filters: [subjects.journalKind('rollouts')],
    onCommit(commit) {
      const model = commit.aggregate.id;
      const state = foldReadableRollouts(states.get(model) ?? initialRollouts(model), commit);
      states.set(model, state);
      const reading = readCommit('rollouts', commit);
      if (reading.unread !== undefined && !unread.has(model)) {
        const { type } = reading.unread;
        const reason = sayUnread(aggregateKey(commit.aggregate), { seq: commit.seq, type });
        unread.set(model, reason);
        if (caughtUp) onUnread(model, reason);
      }
      if (caughtUp) onStates([state]);
    },
    onCaughtUp() {
      caughtUp = true;
      for (const [model, reason] of unread) onUnread(model, reason);
      onStates(states.values());
    },
    onError: (error) => onHalt(messageOf(error), error),
  });
}
