import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderNatsConfig } from './nats-config.ts';

const permissions = { publish: { allow: ['a.>'] }, subscribe: { allow: ['_INBOX_x.>'] } };
const base = {
  storeDir: '/data/store',
  logFile: '/data/nats.log',
  portsDir: '/data',
  port: 4222,
  monitorPort: 8222,
  users: {},
};

test('listens on loopback only and syncs every write', () => {
  const config = JSON.parse(renderNatsConfig(base));
  assert.equal(config.listen, '127.0.0.1:4222');
  assert.equal(config.http, '127.0.0.1:8222');
  assert.deepEqual(config.jetstream, { store_dir: '/data/store', sync_interval: 'always' });
  assert.equal(config.max_payload, 1_048_576);
});

test('gives each user its permissions and a client without credentials those of the anonymous user', () => {
  const users = { coordinator: { publicKey: 'UC', permissions }, publisher: { publicKey: 'UP', permissions } };
  const config = JSON.parse(renderNatsConfig({ ...base, users, anonymousUser: 'publisher' }));
  assert.deepEqual(config.authorization.users, [
    { nkey: 'UC', permissions },
    { nkey: 'UP', permissions },
  ]);
  assert.equal(config.no_auth_user, 'UP');
});

test('refuses a client without credentials when no anonymous user is named', () => {
  const config = JSON.parse(renderNatsConfig({ ...base, users: { coordinator: { publicKey: 'UC', permissions } } }));
  assert.equal(config.no_auth_user, undefined);
});
