import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

const lockModule = new URL('./lock.mjs', import.meta.url).href;

/** Each contender adds a line when it enters and one when it leaves; two inside at once would show as two entries in a row. */
const contender = `
  const { withLock } = await import(${JSON.stringify(lockModule)});
  const { appendFileSync } = await import('node:fs');
  const [path, log] = process.argv.slice(1);
  await withLock(path, async () => {
    appendFileSync(log, 'in\\n');
    await new Promise((done) => setTimeout(done, 100));
    appendFileSync(log, 'out\\n');
  }, () => {});
`;

test('lets one process in at a time, after one that died holding the lock', async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'conclave-lock-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'setup.lock');
  const log = join(directory, 'log');
  writeFileSync(path, JSON.stringify({ pid: 999_999_999, host: hostname() }));
  const enter = () => promisify(execFile)(process.execPath, ['--input-type=module', '-e', contender, path, log]);
  await Promise.all([enter(), enter(), enter(), enter()]);
  assert.equal(readFileSync(log, 'utf8'), 'in\nout\n'.repeat(4));
});

for (const [what, content] of [
  ['is empty', ''],
  ['is half a file', '{"pid":'],
  ['names nobody', 'null'],
]) {
  test(`takes over a lock that ${what}`, async (context) => {
    const directory = mkdtempSync(join(tmpdir(), 'conclave-lock-'));
    context.after(() => rmSync(directory, { recursive: true, force: true }));
    const [path, log] = [join(directory, 'setup.lock'), join(directory, 'log')];
    writeFileSync(path, content);
    const args = ['--input-type=module', '-e', contender, path, log];
    await promisify(execFile)(process.execPath, args, { timeout: 10_000 });
    assert.equal(readFileSync(log, 'utf8'), 'in\nout\n');
  });
}
