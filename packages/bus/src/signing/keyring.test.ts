import assert from 'node:assert/strict';
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { KeyringFile } from '@conclave/contracts';
import { createNkey } from '../nkeys.ts';
import { until } from '../testing/until.ts';
import { keyringFromFile, keyringOf } from './keyring.ts';
import { privateKeyOf, publicKeyOf } from './nkey.ts';
import { signerOf } from './signature.ts';
import { sealValue, whyNotGenuine } from './value-seal.ts';

const OLD = createNkey();
const NEW = createNkey();
const SUBJECT = '$KV.bucket.key';
const content = new TextEncoder().encode('{"a":1}');

const seal = (seed: string) => sealValue(signerOf(seed), 'planner', 'test', SUBJECT, content);
const at = (file: KeyringFile, header: string, storedAt: string): string | undefined =>
  whyNotGenuine(keyringOf(file), ['planner'], 'test', { subject: SUBJECT, header, content, storedAt });

test('a key is the same for the NATS client and for node:crypto', () => {
  const { publicNkey } = privateKeyOf(OLD.seed);
  assert.equal(publicNkey, OLD.publicKey);
  assert.equal(
    at({ keys: [{ key: OLD.publicKey, role: 'planner' }] }, seal(OLD.seed), '2026-01-01T00:00:00Z'),
    undefined,
  );
  assert.throws(() => publicKeyOf(`U${'A'.repeat(55)}`), /CVE_CONFIG_INVALID: UAAA.* is no public nkey/);
  assert.throws(() => privateKeyOf('SUAA'), /CVE_ENVIRONMENT_INVALID/);
});

test('a key counts for its role, and from its first moment to its last', () => {
  const keys: KeyringFile['keys'] = [
    { key: OLD.publicKey, role: 'planner', until: '2026-02-01T00:00:00Z' },
    { key: NEW.publicKey, role: 'planner', from: '2026-02-01T00:00:00Z' },
  ];
  const before = '2026-01-31T23:59:59.999Z';
  const after = '2026-02-01T00:00:00.000Z';
  assert.equal(at({ keys }, seal(OLD.seed), before), undefined);
  assert.match(at({ keys }, seal(OLD.seed), after) ?? '', /was not valid at 2026-02-01/);
  assert.match(at({ keys }, seal(NEW.seed), before) ?? '', /was not valid at 2026-01-31/);
  assert.equal(at({ keys }, seal(NEW.seed), after), undefined);
  const executors: KeyringFile = { keys: [{ key: OLD.publicKey, role: 'executor' }] };
  assert.match(at(executors, seal(OLD.seed), before) ?? '', /is that of executor, which may not write here/);
  assert.match(at(executors, seal(NEW.seed), before) ?? '', /is on no keyring/);
});

test('a signature is that of one subject, one kind and one content', () => {
  const keyring = keyringOf({ keys: [{ key: OLD.publicKey, role: 'planner' }] });
  const header = seal(OLD.seed);
  const value = { subject: SUBJECT, header, content, storedAt: '2026-01-01T00:00:00Z' };
  const why = (change: Partial<typeof value>, domain = 'test') =>
    whyNotGenuine(keyring, ['planner'], domain, { ...value, ...change });
  assert.equal(why({}), undefined);
  assert.equal(why({ subject: '$KV.bucket.other' }), 'its signature is not good');
  assert.equal(why({ content: new TextEncoder().encode('{"a":2}') }), 'its signature is not good');
  assert.equal(why({}, 'window'), 'its signature is not good');
  assert.equal(why({ header: header.slice(0, -2) }), 'its signature is not good');
  assert.equal(why({ header: 'v2 x y' }), 'its signature cannot be read');
});

test('a key that is added to the file counts without a restart, and a broken file changes nothing', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'conclave-keyring-'));
  t.after(() => rm(dir, { recursive: true }));
  const file = join(dir, 'keyring.json');
  let changes = 0;
  const write = async (text: string): Promise<void> => {
    await writeFile(file, text);
    await utimes(file, 0, ++changes);
  };
  const old = { key: OLD.publicKey, role: 'planner' };
  await write(JSON.stringify({ keys: [old] }));
  const broken: unknown[] = [];
  const keyring = keyringFromFile(file, (error) => broken.push(error));
  const knows = (key: string): boolean => typeof keyring.find(key, ['planner'], '2026-01-01T00:00:00Z') !== 'string';
  assert.deepEqual([knows(OLD.publicKey), knows(NEW.publicKey)], [true, false]);
  await write('{"keys":');
  assert.deepEqual([knows(NEW.publicKey), knows(OLD.publicKey)], [false, true]);
  assert.match(String(broken), /CVE_CONFIG_UNREADABLE: the keyring .*keyring\.json cannot be read/);
  await write(JSON.stringify({ keys: [old, { key: NEW.publicKey, role: 'planner' }] }));
  assert.deepEqual([knows(NEW.publicKey), knows(OLD.publicKey)], [true, true]);
  // The end of a key is noticed though nothing unknown turns up.
  await write(JSON.stringify({ keys: [{ ...old, until: '2025-12-31T00:00:00Z' }] }));
  await until(() => !knows(OLD.publicKey), 'its end is noticed');
  assert.throws(() => keyringFromFile(join(dir, 'none')), /CVE_CONFIG_UNREADABLE.*CONCLAVE_KEYRING_FILE/);
  await write('{"keys":[]}');
  assert.throws(() => keyringFromFile(file), /CVE_CONFIG_INVALID/);
});
