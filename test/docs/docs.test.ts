import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { suite, test } from 'node:test';
import { cliReference } from '@conclave/cli';
import { ERROR_MEANINGS, STREAMS } from '@conclave/contracts';
import { documents } from './written-documents.ts';

const CHECKOUT = resolve(import.meta.dirname, '../..');
const CODE_FILES = ['packages/*/src/**/*.ts', 'services/*/src/**/*.ts', 'scripts/**/*.mjs'];

suite('the reference is in step with the code', () => {
  for (const [path, text] of documents()) {
    test(path, async () => {
      const written = await readFile(join(CHECKOUT, path), 'utf8').catch(() => '');
      assert.ok(written === text, `${path} is stale; write it again: pnpm run docs`);
    });
  }

  test('every error code is thrown somewhere', async () => {
    const about = /errors\.ts$|error-meanings\.ts$|exit-codes\.ts$|\.test\.(ts|mjs)$/;
    const files = globSync(CODE_FILES, { cwd: CHECKOUT }).filter((file) => !about.test(file));
    const texts = await Promise.all(files.map((file) => readFile(join(CHECKOUT, file), 'utf8')));
    // To compare with a code is not to throw it: it is thrown by whoever has it as the first argument of what makes an error.
    const isThrown = (code: string): boolean =>
      texts.some((text) => new RegExp(`(?<!\\.(?:has|includes))\\(\\s*'${code}'`).test(text));
    const unused = Object.keys(ERROR_MEANINGS).filter((code) => !isThrown(code));
    assert.deepEqual(unused, []);
  });

  test('every variable that the code reads is described', async () => {
    const internal = new Set(['CONCLAVE_FAULT', 'CONCLAVE_FAULT_ONCE_DIR', 'CONCLAVE_SCRIPT_FAMILY']);
    const files = globSync(CODE_FILES, { cwd: CHECKOUT }).filter((file) => !/\.test\.|\/testing\//.test(file));
    const texts = await Promise.all(files.map((file) => readFile(join(CHECKOUT, file), 'utf8')));
    const read = texts.flatMap((text) => [...text.matchAll(/\bCONCLAVE_[A-Z]+(?:_[A-Z]+)*\b/g)].map(([name]) => name));
    const streams: readonly string[] = Object.values(STREAMS);
    const described = documents().get('docs/reference/configuration.md') ?? '';
    const missing = [...new Set(read)].filter(
      (name) => !internal.has(name) && !streams.includes(name) && !described.includes(`\`${name}\``),
    );
    assert.deepEqual(missing, []);
  });

  test('the guides name no verb that does not exist', async () => {
    const { verbs } = cliReference();
    const known = new Set(verbs.flatMap(({ verb, alias = verb }) => [verb, alias]));
    const groups = new Set(verbs.flatMap(({ verb, alias = verb }) => [verb.split(' ')[0], alias.split(' ')[0]]));
    for (const file of ['README.md', 'docs/troubleshooting.md', 'docs/rollouts.md', 'docs/bundles.md']) {
      const text = await readFile(join(CHECKOUT, file), 'utf8');
      for (const [, first = '', second = ''] of text.matchAll(/\.\/conclave ([a-z]+)(?: ([a-z]+))?/g)) {
        const isVerb = known.has(first) || known.has(`${first} ${second}`) || (groups.has(first) && second === '');
        assert.ok(isVerb, `${file} names "conclave ${first} ${second}"`);
      }
    }
  });
});
