import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  actionEvent,
  type Commit,
  digestOf,
  evaluationEvent,
  incidentEvent,
  meetingEvent,
  modelEvent,
  roadmapEvent,
  rolloutEvent,
  scheduleEvent,
} from '@conclave/contracts';
import { describeCommit, foldWorld, initialWorld, type World } from '@conclave/core';
import { assertJournalSound } from '../fixtures/journal-invariants.ts';
import { wayAndEndOf } from './end-of.ts';
import { readEnd, readRecording, recordings } from './recording.ts';

/*
 * Recordings are folded by all later versions: from systems that ran (record.ts), and of tales that together have every event type
 * (record-tales.ts). Beside each stands how its rollouts went and where it ends; end-of.ts says which parts of the world that covers, and of
 * these nothing may change. The rest of the world is the folds' own: of that it is only asked that a snapshot at any commit leads to the same.
 */

const SCHEMAS = [
  scheduleEvent,
  rolloutEvent,
  meetingEvent,
  actionEvent,
  evaluationEvent,
  incidentEvent,
  modelEvent,
  roadmapEvent,
];

const fold = (start: World, part: readonly Commit[]): World => part.reduce(foldWorld, start);

const names = recordings();
const all = new Map(names.map((name) => [name, readRecording(name)]));

test('every event type that this version writes stands in a recording', () => {
  const types = SCHEMAS.flatMap(({ options }) => options.map(({ shape }) => shape.type.value));
  const seen = new Set(
    [...all.values()].flatMap((commits) => commits.flatMap(({ events }) => events.map((e) => e.type))),
  );
  assert.ok(types.length >= 40, 'the schemas were found');
  assert.deepEqual(
    types.filter((type) => !seen.has(type)),
    [],
    'types that no recording has: tell a tale with them in test/histories/tales, then node test/histories/record-tales.ts',
  );
});

for (const [name, commits] of all) {
  test(`${name}: today's folds read it to the same end`, () => {
    assert.deepEqual(wayAndEndOf(commits), readEnd(name));
    assertJournalSound(commits);
  });

  test(`${name}: a snapshot at any commit and the rest give the same world`, () => {
    const whole = digestOf(fold(initialWorld(), commits));
    const atOnce = fold(initialWorld(), []);
    for (const [at, commit] of commits.entries()) {
      const snapshot: World = JSON.parse(JSON.stringify(atOnce));
      // Of a long recording every seventh will do; the first and the last few are where something begins and ends.
      if (commits.length < 200 || at % 7 === 0 || at > commits.length - 10)
        assert.equal(digestOf(fold(snapshot, commits.slice(at))), whole, `snapshot before commit ${commit.seq}`);
      foldWorld(atOnce, commit);
    }
    assert.equal(digestOf(atOnce), whole);
  });

  test(`${name}: what was folded before is not folded again`, () => {
    const world = fold(initialWorld(), commits);
    const before = structuredClone(world);
    assert.deepEqual(fold(world, commits.slice(-10)), before);
  });

  test(`${name}: every commit can be told in words`, () => {
    for (const commit of commits) {
      for (const { text } of describeCommit(commit))
        assert.doesNotMatch(text, /cannot be read by this version/, `commit ${commit.seq}`);
    }
  });
}
