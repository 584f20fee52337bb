import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PlannedAction } from '@conclave/contracts';
import type { World } from '@conclave/core';
import { history, plannedAction } from '@conclave/histories';
import { rollbackModel } from '../tools/rollback-model.ts';
import { rollbackArgs } from './rollback-args.ts';

const tool = rollbackModel({ request: () => assert.fail('not here') }, { upToDate: () => assert.fail('nor here') });

/** 1.0 serves, 1.1 is being rolled out, 0.9 is an older version. */
function rollingOut(...models: readonly string[]): World {
  const told = history();
  for (const model of models)
    told
      .about({ model })
      .registered(['1.0', '1.1', '0.9'])
      .adopted()
      .applied({ rolloutId: `r-${model}` });
  return told.world;
}

function prepared(change: Partial<PlannedAction>, world = rollingOut('search')): unknown {
  const action = plannedAction({ owner: 'rollback_officer', ...change });
  const { reason: _r, ...args } = tool.prepare(rollbackArgs(action, world), world);
  return args;
}

const named = (args: Record<string, unknown>): Partial<PlannedAction> => ({
  tool: 'rollback_model',
  args,
  action: 'x',
});
const whole = { model: 'search', rolloutId: 'r-search' };

describe('a rollback that is made whole', () => {
  const cases: readonly (readonly [string, Partial<PlannedAction>, object])[] = [
    ['from nothing', named({}), whole],
    ['from a version', named({ version: '1.1' }), { ...whole, version: '1.1' }],
    ['from a version with its letter', named({ version: 'V1.1' }), { ...whole, version: '1.1' }],
    ['from a version that was no text', named({ version: 1.1 }), { ...whole, version: '1.1' }],
    ['from the version to go back to', named({ version: '1.0' }), whole],
    ['from a version that nobody has', named({ version: '1.1-final' }), whole],
    ['from what was left out as null', named({ version: null, model: null, rolloutId: null }), whole],
    ['from a model as people write it', named({ model: 'Search' }), whole],
    ['without what the tool does not know', named({ target: 'stable', percentage: 100 }), whole],
    ['from a text', { action: 'Roll back V1.1' }, { ...whole, version: '1.1' }],
    ['from a text that says where to', { action: 'Roll back to V1.0' }, whole],
    ['from a text whose reason names another version', { action: 'Roll back the candidate, V0.9 was better' }, whole],
    ['from a text without a version', { action: 'Roll back now' }, whole],
  ];
  for (const [name, change, args] of cases) test(name, () => assert.deepEqual(prepared(change), args));

  test('of the model that the text names, when several are rolled out', () => {
    const world = rollingOut('search', 'images');
    assert.deepEqual(prepared({ action: 'Roll back images to stable' }, world), {
      model: 'images',
      rolloutId: 'r-images',
    });
  });
});

describe('a rollback that could mean more than one thing is refused', () => {
  const cases: readonly (readonly [string, Partial<PlannedAction>, RegExp])[] = [
    ['another known version', named({ version: '0.9' }), /search 0\.9 is not being rolled out, 1\.1 is/],
    ['another known version in the text', { action: 'Roll back V0.9' }, /search 0\.9 is not being rolled out/],
    ['an unknown model', named({ model: 'serach' }), /model serach is not known; choose search/],
    ['another rollout', named({ rolloutId: 'r-old' }), /rollout r-old of search is not open/],
  ];
  for (const [name, change, refusal] of cases) test(name, () => assert.throws(() => prepared(change), refusal));

  test('no model, when several are rolled out', () => {
    assert.throws(
      () => prepared(named({}), rollingOut('search', 'images')),
      /name a model: (search, images|images, search)/,
    );
  });
});

test('the reason is the one given, else the text of the action', () => {
  const world = rollingOut('search');
  assert.equal(rollbackArgs(plannedAction({ ...named({ reason: 'P95' }) }), world).reason, 'P95');
  assert.equal(rollbackArgs(plannedAction({ action: 'Roll back V1.1' }), world).reason, 'Roll back V1.1');
});
