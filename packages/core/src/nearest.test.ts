import assert from 'node:assert/strict';
import { test } from 'node:test';
import { knownNames, nearestName } from '@conclave/contracts';
import { initialRollouts } from './folds/rollout.ts';
import { initialWorld, type World } from './folds/world.ts';
import { requireRollouts } from './known-models.ts';

const KNOWN = ['emoji-search', 'photo-ranker', 'c25'];

const nearest = [
  ['emoji-serach', 'emoji-search'],
  ['emoji_search', 'emoji-search'],
  ['Emoji-Search ', 'emoji-search'],
  ['c52', 'c25'],
  ['c25-typo', undefined],
  ['', undefined],
] as const;
for (const [given, name] of nearest)
  test(`"${given}" probably means ${name ?? 'none of them'}`, () => assert.equal(nearestName(given, KNOWN), name));

test('the names that exist are listed in order, the probable one first', () => {
  assert.equal(knownNames('c52', KNOWN), 'did you mean "c25"? known: c25, emoji-search, photo-ranker');
  assert.equal(knownNames('zzzzzzz', KNOWN), 'known: c25, emoji-search, photo-ranker');
  assert.equal(knownNames('x', []), undefined);
});

test('a model of which only a hold is on record is not known', () => {
  const stable = { version: '1', digest: 'd', dataset: 'd', since: '2026-01-01T00:00:00.000Z' };
  const hold = { holdId: 'pause', kind: 'pause', by: 'ada', reason: 'r', since: stable.since } as const;
  const world: World = {
    ...initialWorld(),
    rollouts: {
      real: { ...initialRollouts('real'), stable },
      ghost: { ...initialRollouts('ghost'), holds: { pause: hold } },
    },
  };
  assert.equal(requireRollouts(world, 'real').model, 'real');
  for (const name of ['ghost', 'typo', 'constructor'])
    assert.throws(() => requireRollouts(world, name), {
      code: 'CVE_ROLLOUT_UNKNOWN',
      message: `CVE_ROLLOUT_UNKNOWN: nothing is on record about "${name}"; known: real`,
    });
});
