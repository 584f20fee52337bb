import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Commit, commitBody, digestOf } from '@conclave/contracts';
import { describeCommit, foldWorld, initialWorld, type World } from '@conclave/core';
import { z } from 'zod';
import { assertJournalSound } from '../fixtures/journal-invariants.ts';

const recorded = commitBody.extend({
  aggregate: z.object({
    kind: z.enum(['schedule', 'rollouts', 'meetings', 'actions', 'evaluations', 'incidents', 'models', 'roadmap']),
    id: z.string(),
  }),
  seq: z.number(),
  storedAt: z.string(),
});

function read(file: string): Commit[] {
  const lines = readFileSync(join(import.meta.dirname, file), 'utf8')
    .trim()
    .split('\n');
  return lines.map((line) => {
    const { fence, ...commit } = recorded.parse(JSON.parse(line));
    return { ...commit, fence };
  });
}

const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.jsonl'));
assert.ok(files.length > 0, 'there is a recording');

for (const file of files) {
  const commits = read(file);
  const fold = (start: World, part: readonly Commit[]): World => part.reduce(foldWorld, start);

  test(`${file}: today's folds read it to the same end`, () => {
    const { rollouts, roadmap } = fold(initialWorld(), commits);
    const tiny = rollouts.tiny ?? assert.fail('the model is there');
    assert.equal(tiny.stable?.version, '1.0');
    assert.equal(tiny.previousStable?.version, '0.9');
    assert.deepEqual(
      [tiny.current?.definition.version, tiny.current?.phase, tiny.current?.ended?.gate !== undefined],
      ['1.1', 'rolled_back', true],
    );
    assert.deepEqual(
      tiny.past.map((r) => [r.definition.version, r.phase, r.summaries.length]),
      [['1.0', 'completed', 3]],
    );
    assert.equal(roadmap.insights[0]?.text, 'short queries are hard');
    assertJournalSound(commits);
  });

  test(`${file}: a snapshot at any commit and the rest give the same world`, () => {
    const whole = digestOf(fold(initialWorld(), commits));
    for (let at = 0; at <= commits.length; at += 7) {
      const snapshot: World = JSON.parse(JSON.stringify(fold(initialWorld(), commits.slice(0, at))));
      assert.equal(digestOf(fold(snapshot, commits.slice(at))), whole, `snapshot at commit ${at}`);
    }
  });

  test(`${file}: what was folded before is not folded again`, () => {
    const world = fold(initialWorld(), commits);
    const before = structuredClone(world);
    assert.deepEqual(fold(world, commits.slice(-10)), before);
  });

  test(`${file}: every commit can be told in words`, () => {
    for (const commit of commits) {
      for (const { text } of describeCommit(commit))
        assert.doesNotMatch(text, /cannot be read by this version/, `commit ${commit.seq}`);
    }
  });
}
