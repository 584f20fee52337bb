import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openRollout } from '@conclave/core';
import { rolloutEventOf } from '../rollout/rollout-event.ts';
import { window } from '../testing/given-evidence.ts';
import { Simulation } from '../testing/simulation.ts';
import { telemetryBook } from './telemetry-book.ts';

test('what was measured before an interruption is still evidence for a leader that reads it again', () => {
  const simulation = new Simulation('act');
  const { t: world } = simulation;
  simulation.deploy('shadow');
  simulation.settle();
  world.advance(10);
  const early = window(world, { requests: 300, latencyMs: 3 });
  world.advance(1000);
  const late = window(world, { requests: 5, latencyMs: 3 });
  const { rolloutId, stageEpoch } = openRollout(world.state) ?? assert.fail();
  world.appendRollout([
    rolloutEventOf(world.facts(), 'rollout.stage_serving', {
      rolloutId,
      stageEpoch,
      runners: ['gpu-runner-0'],
      resumed: { at: late.from, soakedSeconds: 1 },
    }),
  ]);
  const book = telemetryBook(() => world.world, 120);
  for (const one of [early, late]) book.add(one);
  const read = book.of('search');
  assert.equal(read?.total?.requests, 305);
  assert.deepEqual(read?.served?.resumed, { at: late.from, soakedSeconds: 1 });
});
