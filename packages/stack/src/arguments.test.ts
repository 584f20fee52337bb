import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readArguments } from './arguments.ts';

test('has a default for everything', () => {
  const { exitWhen, requestsPerSecond, bare, verbose, help } = readArguments([]);
  assert.deepEqual([exitWhen, requestsPerSecond, bare, verbose, help], [undefined, 60, false, false, false]);
});

test('reads what it is given', () => {
  const read = readArguments(['--rate', '2.5', '--exit-when', 'refused', '--data-dir', '/d', '--bare']);
  assert.deepEqual([read.requestsPerSecond, read.exitWhen, read.dataDir, read.bare], [2.5, 'refused', '/d', true]);
});

const WRONG: readonly [string[], RegExp][] = [
  [['--rate', 'abc'], /--rate is "abc"; give requests a second/],
  [['--rate', '0'], /--rate is "0"/],
  [['--rate', ''], /--rate is ""/],
  [['--exit-when', 'done'], /--exit-when is "done"; use production or refused/],
  [['--colour'], /Unknown option '--colour'.*see npm start -- --help/],
  [['--rate'], /argument missing.*see npm start -- --help/],
];
for (const [args, says] of WRONG) {
  test(`refuses ${args.join(' ')}`, () => assert.throws(() => readArguments(args), says));
}

test('the program shows its help and ends well, and ends with 2 and one line when asked wrongly', () => {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url));
  const run = (arg: string) => spawnSync(process.execPath, [main, arg], { encoding: 'utf8' });
  const help = run('--help');
  assert.deepEqual([help.status, help.stderr], [0, '']);
  assert.match(help.stdout, /usage: npm start[\s\S]*--exit-when/);
  const wrong = run('--colour');
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /^CVE_REQUEST_INVALID: Unknown option '--colour'.*\n$/);
});
