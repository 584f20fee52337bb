import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readSettings } from './connect.ts';

const dir = mkdtempSync(join(tmpdir(), 'conclave-settings-'));
after(() => rmSync(dir, { recursive: true }));

/** A state folder as a stack that runs leaves it. */
function stateFolder(name: string, natsUrl: string): string {
  const state = join(dir, name);
  mkdirSync(join(state, 'credentials'), { recursive: true });
  writeFileSync(join(state, 'credentials', 'operator.token'), `token of ${name}\n`);
  const urls = { 'metrics-0': 'http://127.0.0.1:7070', 'gpu-runner-0': 'http://127.0.0.1:7071' };
  writeFileSync(join(state, 'stack.json'), JSON.stringify({ natsUrl, configFile: '/etc/x.yaml', urls }));
  return state;
}

const found = stateFolder('.conclave', 'nats://127.0.0.1:4222');
const other = stateFolder('other', 'nats://127.0.0.1:4999');

test('the nearest state folder says where NATS is, whose token to use and which stack that is', () => {
  const { natsUrl, token, stack } = readSettings({}, {}, dir);
  assert.deepEqual([natsUrl, token], ['nats://127.0.0.1:4222', 'token of .conclave']);
  assert.deepEqual(stack, {
    stateDir: found,
    configFile: '/etc/x.yaml',
    statusPage: 'http://127.0.0.1:7070',
    instances: ['metrics-0', 'gpu-runner-0'],
  });
});

test('a state folder that is named wins over the nearest one, and as an option over the address in the environment', () => {
  const env = { CONCLAVE_NATS_URL: 'nats://elsewhere:4222' };
  for (const settings of [
    readSettings({ state: 'other' }, env, dir),
    readSettings({}, { CONCLAVE_STATE: other }, dir),
  ]) {
    assert.deepEqual([settings.natsUrl, settings.token], ['nats://127.0.0.1:4999', 'token of other']);
    assert.equal(settings.stack?.stateDir, other);
  }
});

test('an address that is another one than the folder’s is not said to be that stack', () => {
  assert.equal(readSettings({ nats: 'nats://127.0.0.1:1' }, {}, dir).stack, undefined);
});

test('a state folder on which no stack runs is named in the error', () => {
  assert.throws(
    () => readSettings({ state: 'none' }, {}, dir),
    /CVE_BUS_UNAVAILABLE: \S*none\/stack\.json does not say/,
  );
});
