import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

/** Runs a test file of one line under a limit. */
function runFile(t, limitMs, line) {
  const limit = new URL('file-limit.mjs', import.meta.url);
  limit.searchParams.set('ms', String(limitMs));
  const folder = mkdtempSync(join(tmpdir(), 'conclave-limit-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'one.test.mjs');
  writeFileSync(file, `import { test } from 'node:test';\nimport { createServer } from 'node:net';\n${line}\n`);
  return spawnSync(process.execPath, [`--import=${limit}`, file], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH },
  });
}

test('a test file that leaves a handle open fails with its name and what is open', (t) => {
  const { status, stdout, stderr } = runFile(t, 5000, "test('leaks', () => void createServer().listen(0));");
  assert.match(stdout, /leaks/);
  assert.equal(status, 1);
  assert.match(stderr, /one\.test\.mjs did not end within 5 s; still open: .*TCPServerWrap/);
});

test('a test file that ends by itself is left alone', (t) => {
  const { status, stderr } = runFile(t, 60_000, "test('is clean', () => undefined);");
  assert.deepEqual([status, stderr], [0, '']);
});
