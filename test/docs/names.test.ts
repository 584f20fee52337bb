import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { test } from 'node:test';

const CHECKOUT = resolve(import.meta.dirname, '../..');

/**
 * Things that have a file of their name in several places, because each place says the same thing in its own way: schema, fold, sentence,
 * view, verb. Everything else has a name of its own: `judge.ts` in three services sent whoever looked for one to another.
 */
const ONE_THING_IN_SEVERAL_PLACES: readonly (readonly [why: string, names: string])[] = [
  [
    'the journal has aggregates of it',
    'action evaluation incident meeting rollout registry roadmap schedule world history',
  ],
  ['several of it', 'actions evaluations incidents meetings rollouts models bundle'],
  ['it is told of now', 'infer live-gates runners seating seats serving system team telemetry verdict'],
  ['a port of the bus, and what implements it', 'api artifacts connection journal lease work nats-server'],
  ['a verb of the command, and what it does', 'apply doctor push'],
  ['what an aggregate has on record, and how it is made for tests', 'record long-journal'],
  ['what begins a package, and a process', 'index main'],
];
const ALLOWED = new Set(ONE_THING_IN_SEVERAL_PLACES.flatMap(([, names]) => names.split(' ')));

test('a name means one thing: a file name that occurs twice names one thing, or is another name', () => {
  const files = globSync(['{packages,services}/*/src/**/*.ts', '{test,bench,examples}/**/*.ts'], {
    cwd: CHECKOUT,
    exclude: (path) => path.includes('node_modules'),
  }).filter((file) => !file.endsWith('.test.ts'));
  const byName = Map.groupBy(files, (file) => basename(file, '.ts'));
  const homonyms = [...byName].filter(([name, all]) => all.length > 1 && !ALLOWED.has(name));
  assert.deepEqual(Object.fromEntries(homonyms), {});
});
