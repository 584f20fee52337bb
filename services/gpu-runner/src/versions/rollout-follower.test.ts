import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Journal } from '@conclave/bus';
import { aggregates } from '@conclave/contracts';
import { tinyHistory } from '../testing/rollouts.ts';
import { followRollouts } from './rollout-follower.ts';

type FollowOptions = Parameters<Journal['follow']>[0];

/** A follower over commits that a test hands over; `heard` says in which order what was told. */
function follow() {
  const heard: string[] = [];
  const started = Promise.withResolvers<FollowOptions>();
  followRollouts({
    journal: {
      follow(options) {
        started.resolve(options);
        return {
          caughtUp: false,
          lastActivityAt: 0,
          lastSeq: 0,
          get position() {
            return assert.fail('nobody asks');
          },
          stop: async () => {},
        };
      },
    },
    onStates(states) {
      for (const { model, seq, stable } of states) heard.push(`${model} #${seq} ${stable?.version ?? 'nothing'}`);
    },
    onUnread: (model, reason) => heard.push(`unread ${model}: ${reason}`),
    onHalt: (reason) => assert.fail(reason),
  });
  return { heard, options: started.promise };
}

test('a model that cannot be read is told before its state, those beside it go on, and its later commits are heard', async () => {
  const { heard, options } = follow();
  const { onCommit, onCaughtUp } = await options;
  const h = tinyHistory().adopted().foreign(aggregates.rollouts('tiny'), 'rollout.teleported', {});
  h.foreign(aggregates.rollouts('tiny'), 'rollout.frozen', {}).about({ model: 'other' }).adopted();
  for (const commit of h.commits) onCommit(commit);
  assert.deepEqual(heard, []);
  onCaughtUp?.();
  assert.deepEqual(heard.splice(0), [
    'unread tiny: commit 2 of rollouts/tiny has event rollout.teleported, which this version cannot read',
    'tiny #3 1.0',
    'other #4 1.0',
  ]);
  const known = h.commits.length;
  h.foreign(aggregates.rollouts('other'), 'rollout.teleported', {})
    .about({ model: 'tiny' })
    .adopted({ version: '1.1' });
  for (const commit of h.commits.slice(known)) onCommit(commit);
  assert.deepEqual(heard, [
    'unread other: commit 5 of rollouts/other has event rollout.teleported, which this version cannot read',
    'other #5 1.0',
    'tiny #6 1.1',
  ]);
});
