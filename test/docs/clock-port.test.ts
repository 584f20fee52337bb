import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const CHECKOUT = resolve(import.meta.dirname, '../..');
const PATCHED =
  /mock\s*\.timers|mock\s*\.method\(\s*(?:globalThis|performance|Date|AbortSignal)\b|(?:Date|performance)\.now\s*=[^=]|globalThis\.(?:Date|set\w+)\s*=[^=]/;

test('no test patches the time of its process: what waits or measures takes a clock (packages/service/src/clock.ts)', () => {
  const files = globSync(['{packages,services}/*/src/**/*.ts', '{test,bench}/**/*.ts'], {
    cwd: CHECKOUT,
    exclude: (path) => path.includes('node_modules'),
  });
  const patching = files.filter(
    (file) => !file.endsWith('clock-port.test.ts') && PATCHED.test(readFileSync(join(CHECKOUT, file), 'utf8')),
  );
  assert.deepEqual(patching, []);
});
