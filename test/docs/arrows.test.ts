import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { suite, test } from 'node:test';
import { type Circle, circlesIn, importsIn } from './arrows.ts';

const CHECKOUT = resolve(import.meta.dirname, '../..');

const told = ({ folder, parts, imports }: Circle): string =>
  [`${parts.join(' <-> ')} in src/${folder}:`, ...imports.map(({ from, to }) => `  ${from} imports ${to}`)].join('\n');

suite('no two parts of a folder import each other, by however many steps', () => {
  for (const src of globSync('{services,packages}/*/src', { cwd: CHECKOUT }).toSorted()) {
    test(src, () => {
      const circles = circlesIn(importsIn(join(CHECKOUT, src)));
      assert.equal(circles.map(told).join('\n'), '');
    });
  }

  const circleOf = (...imports: [from: string, to: string][]): string[] =>
    circlesIn(imports.map(([from, to]) => ({ from, to }))).map(({ folder, parts }) => `${folder}: ${parts.join(' ')}`);

  test('two folders that import each other are a circle, though no two files are', () => {
    assert.deepEqual(circleOf(['a/one.ts', 'b/one.ts'], ['b/two.ts', 'a/two.ts']), [': a b']);
  });
  test('so are folders deep down, and a file with a folder beside it', () => {
    assert.deepEqual(circleOf(['a/x/one.ts', 'a/y/one.ts'], ['a/y/one.ts', 'a/z.ts'], ['a/z.ts', 'a/x/two.ts']), [
      'a: x y z.ts',
    ]);
  });
  test('a file may use the folder beside it, which uses another file', () => {
    assert.deepEqual(circleOf(['main.ts', 'http/page.ts'], ['http/page.ts', 'observed.ts']), []);
  });
});
