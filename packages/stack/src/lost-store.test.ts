import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { keepPorts } from './kept-ports.ts';
import { hasLostStore, storeDir } from './lost-store.ts';
import { temporaryDir } from './testing/temporary.ts';

test('a new state folder, and one whose first start was broken off, have lost nothing', async (context) => {
  const dataDir = await temporaryDir(context);
  assert.equal(await hasLostStore(dataDir), false);
  await mkdir(join(dataDir, 'credentials'));
  await writeFile(join(dataDir, 'credentials', 'operator.nk'), 'SU');
  await mkdir(storeDir(dataDir), { recursive: true });
  assert.equal(await hasLostStore(dataDir), false);
});

test('a folder on which a stack came up has lost its store when the journal is gone, all or part of what held it', async (context) => {
  const dataDir = await temporaryDir(context);
  await keepPorts(dataDir, new Map([['metrics-0', 7070]]));
  const journal = join(storeDir(dataDir), 'jetstream', '$G', 'streams', 'CONCLAVE_JOURNAL');
  await mkdir(journal, { recursive: true });
  await writeFile(join(journal, 'meta.inf'), '{}');
  assert.equal(await hasLostStore(dataDir), false);
  for (const folder of [journal, storeDir(dataDir), join(dataDir, 'nats')]) {
    await rm(folder, { recursive: true });
    assert.equal(await hasLostStore(dataDir), true, folder);
  }
});

test('credentials without a server’s folder tell it too', async (context) => {
  const dataDir = await temporaryDir(context);
  await mkdir(join(dataDir, 'credentials'));
  await writeFile(join(dataDir, 'credentials', 'operator.nk'), 'SU');
  assert.equal(await hasLostStore(dataDir), true);
});
