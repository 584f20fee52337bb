import assert from 'node:assert/strict';
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { suite, test } from 'node:test';
import { TOOLS, VENDOR_NAMES } from '@conclave/contracts';
import { VENDORS } from '../../packages/agents/src/index.ts';

/* CONTRIBUTING says which files a new tool or vendor touches. Here it is held to be true. */

const CHECKOUT = resolve(import.meta.dirname, '../..');
const TOOL_FILES = join(CHECKOUT, 'services/executor/src/tools');
const VENDOR_FILES = 'packages/agents/src/vendors';

/** All production files of packages and services, by their path in the checkout. */
const PRODUCTION = globSync('{packages,services}/*/src/**/*.ts', { cwd: CHECKOUT }).filter(
  (file) => !/\.test\.ts$|\/testing\//.test(file),
);

const textOf = (file: string): string => readFileSync(join(CHECKOUT, file), 'utf8');

test('a tool is a name in contracts and a file of that name, which connects itself', async () => {
  for (const name of TOOLS) {
    const file = join(TOOL_FILES, `${name.replaceAll('_', '-')}.ts`);
    assert.ok(existsSync(file), `${name} has its file`);
    assert.equal(typeof (await import(file)).connect, 'function', `${file} exports connect`);
  }
});

suite('a vendor is a name in contracts and a file of that name', () => {
  test('the file has all of it, and there is none of another', () => {
    assert.deepEqual(
      VENDORS.map(({ name }) => name),
      VENDOR_NAMES,
    );
    const strange = readdirSync(join(CHECKOUT, VENDOR_FILES)).filter(
      (file) => !VENDOR_NAMES.some((name) => file === `${name}.ts` || file.startsWith(`${name}-`)),
    );
    assert.deepEqual(strange, []);
  });

  test('no other file names it', () => {
    // As a word of its own: `@google/genai` and `OPENAI_API_KEY` are other things.
    const aVendor = new RegExp(`(?<![\\w@/.-])(?:${VENDOR_NAMES.join('|')})(?![\\w/-])`);
    const naming = PRODUCTION.filter((file) => !file.startsWith(VENDOR_FILES) && aVendor.test(textOf(file)));
    assert.deepEqual(naming, ['packages/contracts/src/model-choice.ts']);
  });

  test('the reference names its tiers and its key', () => {
    const reference = readFileSync(join(CHECKOUT, 'docs/schemas/configuration.schema.json'), 'utf8');
    for (const { key, tiers } of VENDORS) {
      for (const what of [key.variable, ...Object.keys(tiers).map((tier) => `\`${tier}\``)]) {
        assert.ok(reference.includes(what), `${what} stands in no description of model-choice.ts`);
      }
    }
  });
});
