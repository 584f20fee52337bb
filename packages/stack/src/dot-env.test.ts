import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDotEnv } from './dot-env.ts';

test('a key put into .env later reaches a service that starts again, and a broken file leaves it what it had', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'conclave-dot-env-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, '.env');
  writeFileSync(file, 'OPENAI_API_KEY=one\n');
  const unreadable: string[] = [];
  const dotEnv = openDotEnv(join(folder, 'own.yaml'), folder, { HOME: '/root' }, (reason) => unreadable.push(reason));
  assert.deepEqual(dotEnv.lines, [`${file} sets OPENAI_API_KEY`]);
  assert.deepEqual(dotEnv.env, { HOME: '/root', OPENAI_API_KEY: 'one' });

  writeFileSync(file, 'OPENAI_API_KEY=two\nGOOGLE_API_KEY=three\n');
  const later = { HOME: '/root', OPENAI_API_KEY: 'two', GOOGLE_API_KEY: 'three' };
  assert.deepEqual(dotEnv.again(), later);
  writeFileSync(file, 'OPENAI_API_KEY\n');
  assert.deepEqual(dotEnv.again(), later);
  assert.match(unreadable.join(), /\.env, line 1, is no NAME=value/);
});
