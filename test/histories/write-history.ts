/*
 * Records the journal of a small rollout, to be folded by all later versions: `node --test test/histories/write-history.ts`.
 * A recording is never changed; record another when events or the flow change.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pushModel } from '@conclave/cli';
import { startSystem } from '../fixtures/system.ts';
import { tinyBundleDir } from '../fixtures/tiny-model.ts';

const stages = [{ name: 'shadow' }, { name: '50_percent' }, { name: 'production' }] as const;

test('records one version that earns production and one that is refused', async (t) => {
  const { given, when, expect, commits, bus, token } = await startSystem(t);
  await given.adopted('1.0');
  await pushModel(bus, await tinyBundleDir('1.1', { wrong: true }), { token });
  when.traffic(60);
  await when.applied('1.0', { stages: [...stages] });
  assert.equal((await expect.ended('1.0')).phase, 'completed');
  await when.published('conclave.insight', '{"text":"short queries are hard","line":"v2_research"}');
  await when.applied('1.1', { stages: [...stages] });
  assert.equal((await expect.ended('1.1')).phase, 'rolled_back');
  const lines = (await commits()).map((commit) => JSON.stringify(commit));
  await writeFile(
    join(import.meta.dirname, `history-${new Date().toISOString().slice(0, 10)}.jsonl`),
    `${lines.join('\n')}\n`,
  );
});
