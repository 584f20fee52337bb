import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256 } from '@conclave/contracts';
import { history } from '@conclave/histories';

const searching = () => history({ model: 'search', stable: '0.9', candidate: '1.0', dataset: 'queries' });

test('the evidence of an open rollout outlasts any number of later evaluations, and is forgotten after its end', () => {
  const h = searching().applied();
  h.evaluationFailed(h.offlineRequest(), { id: 'mine' });
  const others = (from: number): void => {
    for (let n = from; n < from + 500; n++)
      h.evaluationFailed(h.offlineRequest({ digest: sha256(`${n}`) }), { id: `other-${n}` });
  };
  others(0);
  assert.notEqual(h.world.evaluations.mine, undefined);
  assert.ok(Object.keys(h.world.evaluations).length <= 250);
  h.aborted();
  others(500);
  assert.equal(h.world.evaluations.mine, undefined);
});

test('what never ends is forgotten too, beyond twice as many', () => {
  const h = searching();
  for (let n = 0; n < 1000; n++)
    h.evaluationStarted(h.offlineRequest({ digest: sha256(`${n}`) }), { id: `running-${n}` });
  const kept = Object.keys(h.world.evaluations);
  assert.ok(kept.length >= 400 && kept.length <= 500, `${kept.length} are kept`);
  assert.equal(kept.at(-1), 'running-999');
});
