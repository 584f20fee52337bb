import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAtLeast } from './versions.mjs';

test('compares versions by number, part by part', () => {
  assert.ok(isAtLeast('nats-server: v2.10.27', '2.10.0'));
  assert.ok(isAtLeast('v2.10.0', '2.10.0'));
  assert.ok(isAtLeast('3.0.0', '2.10.0'));
  assert.ok(!isAtLeast('nats-server: v2.9.10', '2.10.0'));
});

test('takes text without a version as too old', () => {
  assert.ok(!isAtLeast('', '2.10.0'));
  assert.ok(!isAtLeast('command not found', '2.10.0'));
});
