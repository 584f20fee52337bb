import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { isConclaveError } from '@conclave/contracts';
import { ensureCredentials } from './credentials.ts';
import { temporaryDir } from './testing/temporary.ts';

test('makes seeds and tokens that only their owner can read', async (context) => {
  const { directory, users, tokenFiles, operatorsFile } = await ensureCredentials(await temporaryDir(context), [
    'planner',
  ]);
  assert.match(users.planner.publicKey, /^U[A-Z2-7]{55}$/);
  assert.equal(users.planner.seedFile, join(directory, 'planner.nk'));
  for (const file of [users.planner.seedFile, tokenFiles.local ?? '', operatorsFile]) {
    assert.equal((await stat(file)).mode & 0o777, 0o600, file);
  }
});

test('leaves existing credentials as they are', async (context) => {
  const dataDir = await temporaryDir(context);
  const first = await ensureCredentials(dataDir, ['planner', 'executor']);
  const token = await first.token('local');
  const second = await ensureCredentials(dataDir, ['planner', 'executor', 'metrics']);
  assert.equal(second.users.planner.publicKey, first.users.planner.publicKey);
  assert.equal(second.users.executor.publicKey, first.users.executor.publicKey);
  assert.equal(await second.token('local'), token);
  assert.equal(await second.seed('planner'), await first.seed('planner'));
});

test('tells the services only the digest of each operator token', async (context) => {
  const credentials = await ensureCredentials(await temporaryDir(context), ['planner'], ['local', 'second']);
  const operators = await readFile(credentials.operatorsFile, 'utf8');
  const expected = [];
  for (const name of ['local', 'second']) {
    const token = await credentials.token(name);
    assert.equal(Buffer.from(token, 'base64url').length, 32);
    assert.ok(!operators.includes(token));
    expected.push({ name, tokenSha256: createHash('sha256').update(token).digest('hex') });
  }
  assert.deepEqual(JSON.parse(operators), expected);
  await assert.rejects(credentials.token('third'), /CVE_UNAUTHORIZED: third is no operator .* it has local, second/);
});

test('names a seed file that holds no seed', async (context) => {
  const dataDir = await temporaryDir(context);
  const { users } = await ensureCredentials(dataDir, ['planner']);
  await writeFile(users.planner.seedFile, 'no seed');
  await assert.rejects(ensureCredentials(dataDir, ['planner']), (error) => {
    assert.ok(isConclaveError(error, 'CVE_CONFIG_INVALID'));
    assert.match(error.message, /planner\.nk holds no nkey seed/);
    return true;
  });
});
