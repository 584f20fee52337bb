import assert from 'node:assert/strict';
import { test } from 'node:test';
import { awaitsVote, missingForNextStage, openRollout, verdictSetOf } from '@conclave/core';
import { evaluated } from '../testing/given-evidence.ts';
import { NO_GO_SECONDS, Simulation } from '../testing/simulation.ts';

/** 1.0 has earned a vote in shadow, and the critic has vetoed it. */
function vetoed(): Simulation {
  const simulation = new Simulation('act');
  simulation.deploy('shadow');
  simulation.earn('vote');
  simulation.t.meet((role) => (role === 'critic' ? 'no_go' : 'go'));
  simulation.settle();
  assert.equal(openRollout(simulation.t.state)?.vote?.decision, 'no_go');
  return simulation;
}

const awaits = ({ t }: Simulation): boolean => {
  const rollout = openRollout(t.state) ?? assert.fail();
  return awaitsVote(t.state, rollout, t.now);
};

function incident({ t }: Simulation, type: 'incident.opened' | 'incident.resolved'): void {
  if (type === 'incident.opened') t.incident('P0', { incidentId: 'p0', model: undefined });
  else t.resolved('p0');
}

test('a no_go stands for its time, says who objects and what ends it, and is then voted on anew', () => {
  const simulation = vetoed();
  const { t } = simulation;
  assert.equal(awaits(simulation), false);
  const missing = missingForNextStage(t.state, openRollout(t.state) ?? assert.fail(), t.now).join();
  assert.match(missing, /voted no_go; critic: because \(ends at 2026-/);
  t.meet(() => 'go');
  simulation.settle();
  assert.equal(simulation.deploy('5_percent'), 'not_eligible', 'no other meeting votes on the same evidence');
  // In steps, so that the stage is served all the while.
  for (let passed = 0; passed <= NO_GO_SECONDS; passed += 60) {
    t.advance(60);
    simulation.traffic(1, 3);
    simulation.settle();
  }
  assert.equal(awaits(simulation), true);
  assert.equal(simulation.deploy('5_percent'), 'not_eligible', 'the meeting from before the end counts no longer');
  t.meet(() => 'go');
  assert.equal(simulation.deploy('5_percent'), 'entered');
});

test('an incident that comes and goes does not have the same evidence voted on again', () => {
  const simulation = vetoed();
  const { t } = simulation;
  const before = verdictSetOf(openRollout(t.state) ?? assert.fail());
  incident(simulation, 'incident.opened');
  simulation.settle();
  incident(simulation, 'incident.resolved');
  simulation.settle();
  assert.notEqual(verdictSetOf(openRollout(t.state) ?? assert.fail()), before, 'the verdicts are others');
  assert.equal(awaits(simulation), false);
  t.meet(() => 'go');
  assert.equal(simulation.deploy('5_percent'), 'not_eligible');
});

test('new measurements are another evidence: a no_go on the old ones does not stand', () => {
  const simulation = vetoed();
  const { t } = simulation;
  evaluated(t, 0.74, { queries: 10 });
  simulation.settle();
  evaluated(t, 0.75);
  simulation.settle();
  assert.equal(awaits(simulation), true);
});

test('a no_go ends when what it asks for has succeeded on this model since', () => {
  const simulation = new Simulation('act');
  const { t } = simulation;
  simulation.deploy('shadow');
  simulation.earn('vote');
  t.meet((role) => (role === 'critic' ? 'no_go' : 'go'), { needs: ['smoke_test'] });
  simulation.settle();
  assert.equal(awaits(simulation), false);
  for (const [model, ends] of [
    ['other', false],
    ['search', true],
  ] as const) {
    const actionId = `p:${model}`;
    t.toolCalled(actionId, 'smoke_test', { args: { model } }).toolReturned(actionId, 'smoke_test');
    t.actionCompleted(actionId);
    simulation.settle();
    assert.equal(awaits(simulation), ends, `after a smoke test of ${model}`);
  }
});
