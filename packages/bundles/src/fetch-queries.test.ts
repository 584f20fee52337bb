import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Digest, sha256 } from '@conclave/contracts';
import { fetchQueries } from './fetch-queries.ts';

let cacheDir = '';
let fetched = 0;
/** Stores a dataset whose one query is named after its digest. */
const source = {
  async fetchDirectory(digest: Digest, dir: string): Promise<string> {
    fetched++;
    const folder = join(dir, 'dataset');
    await mkdir(folder);
    await writeFile(join(folder, 'queries.jsonl'), `{"_id":"${digest}","vector":[1,2]}\n`);
    await writeFile(join(folder, 'corpus.jsonl'), 'large');
    return folder;
  },
};

before(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'conclave-fetch-'));
});
after(() => rm(cacheDir, { recursive: true }));

test('the queries of a dataset are fetched once and kept without the rest of it', async () => {
  const dataset = sha256('a');
  const [query] = await fetchQueries(source, dataset, cacheDir);
  assert.deepEqual(query, { _id: dataset, text: '', vector: [1, 2] });
  await fetchQueries(source, dataset, cacheDir);
  assert.equal(fetched, 1);
  assert.deepEqual(await readdir(cacheDir, { recursive: true }), [
    dataset.slice(7),
    join(dataset.slice(7), 'queries.jsonl'),
  ]);
});

test('several that ask for the same at once all get it', async () => {
  const all = await Promise.all(Array.from({ length: 4 }, () => fetchQueries(source, sha256('b'), cacheDir)));
  assert.deepEqual(new Set(all.map(([query]) => query?._id)), new Set([sha256('b')]));
});

test('the datasets that were not used for longest are forgotten', async () => {
  for (let i = 0; i < 10; i++) await fetchQueries(source, sha256(`many ${i}`), cacheDir);
  assert.equal((await readdir(cacheDir)).length, 8);
});
