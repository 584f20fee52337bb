import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inheritedEnvironment, instances, SERVICE_NAMES } from './services.ts';

test('runs one instance of each service unless told otherwise', () => {
  const names = instances({ coordinator: 3, metrics: 0 }).map(({ name }) => name);
  assert.deepEqual(names, [
    'gpu-runner-0',
    'coordinator-0',
    'coordinator-1',
    'coordinator-2',
    'planner-0',
    'executor-0',
  ]);
});

test('has a usual port for each instance of npm start, and none twice', () => {
  const ports = instances({ 'gpu-runner': 2 }).map(({ usualPort }) => usualPort);
  assert.deepEqual(ports.toSorted(), [7070, 7071, 7072, 7073, 7074, 7075]);
  assert.equal(instances({ coordinator: 2 }).at(-3)?.usualPort, 0);
});

test("shows a vendor's key only to services whose agents need it, and nothing of the run around it to any", () => {
  const env = { PATH: '/bin', EXAMPLE_API_KEY: 'k', NODE_TEST_CONTEXT: 'child', npm_config_cache: '/c' };
  assert.deepEqual(inheritedEnvironment('coordinator', env), { PATH: '/bin' });
  assert.deepEqual(inheritedEnvironment('gpu-runner', env), { PATH: '/bin' });
  assert.deepEqual(inheritedEnvironment('planner', env), { PATH: '/bin', EXAMPLE_API_KEY: 'k' });
});

test("gives every service what is meant for services, its own token included, and none an operator's", () => {
  const env = { CONCLAVE_HTTP_HOST: '0.0.0.0', CONCLAVE_HTTP_TOKEN: 'a-long-enough-token' };
  const outer = { CONCLAVE_OPERATOR_TOKEN: 'o', CONCLAVE_OPERATOR_TOKEN_FILE: '/o' };
  for (const service of SERVICE_NAMES) assert.deepEqual(inheritedEnvironment(service, { ...env, ...outer }), env);
});
