import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { isConclaveError, keyring } from '@conclave/contracts';
import { type Credentials, ensureCredentials } from './credentials.ts';
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

test('a key that is replaced ends on the keyring, whatever dies on the way', async (context) => {
  const dataDir = await temporaryDir(context);
  const open = async (): Promise<Credentials<'planner'>> => ensureCredentials(dataDir, ['planner']);
  const keysOf = async ({ keyringFile }: Credentials) =>
    keyring.parse(JSON.parse(await readFile(keyringFile, 'utf8'))).keys;
  const first = await open();
  assert.deepEqual(await keysOf(first), [{ key: first.users.planner.publicKey, role: 'planner' }]);

  const rotation = await first.rotate('planner');
  assert.deepEqual(
    (await keysOf(first)).map(({ key, until }) => [key, until]),
    [
      [first.users.planner.publicKey, undefined],
      [rotation.publicKey, undefined],
    ],
  );
  // Dies before it is used: the next start ends the key that nobody has.
  const unused = await open();
  assert.equal(unused.users.planner.publicKey, first.users.planner.publicKey);
  assert.deepEqual(
    (await keysOf(unused)).map(({ key, until }) => [key, until === undefined]),
    [
      [first.users.planner.publicKey, true],
      [rotation.publicKey, false],
    ],
  );

  const again = await unused.rotate('planner');
  await again.use();
  // Dies before the old one has ended.
  const used = await open();
  assert.equal(used.users.planner.publicKey, again.publicKey);
  const openKeys = (await keysOf(used)).filter(({ until }) => until === undefined);
  assert.deepEqual(
    openKeys.map(({ key }) => key),
    [again.publicKey],
  );

  const last = await used.rotate('planner');
  await last.use();
  await last.end();
  assert.equal(used.users.planner.publicKey, last.publicKey);
  const keys = await keysOf(used);
  assert.equal(keys.length, 4);
  assert.deepEqual(
    keys.filter(({ until }) => until === undefined).map(({ key }) => key),
    [last.publicKey],
  );

  await writeFile(used.keyringFile, 'no keyring');
  await assert.rejects(open(), /CVE_CONFIG_INVALID: .*keyring\.json is no keyring .*restore it/);
});
