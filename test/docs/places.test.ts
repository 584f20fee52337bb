import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { TOOLS } from '@conclave/contracts';

const TOOL_FILES = resolve(import.meta.dirname, '../../services/executor/src/tools');

test('a tool is a name in contracts and a file of that name, which connects itself', async () => {
  for (const name of TOOLS) {
    const file = join(TOOL_FILES, `${name.replaceAll('_', '-')}.ts`);
    assert.ok(existsSync(file), `${name} has its file`);
    assert.equal(typeof (await import(file)).connect, 'function', `${file} exports connect`);
  }
});
