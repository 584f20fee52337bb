import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gate, STAGES } from '@conclave/contracts';
import { decidingGates, missingForNextStage, openRollout, soakSecondsLeft } from '@conclave/core';
import fc from 'fast-check';
import { checkHistory } from '../testing/check-history.ts';
import { evaluated, rollbackTested } from '../testing/given-evidence.ts';
import { Simulation } from '../testing/simulation.ts';
import { play, step } from '../testing/steps.ts';
import { appliedWorld, CANDIDATE_DIGEST, definition, SOAK_SECONDS, STABLE_DIGEST } from '../testing/test-world.ts';
import { decideAbort, decideRevert } from './abort.ts';
import { decideApply } from './apply.ts';
import { decideApproval } from './approve.ts';
import { rolloutEventOf } from './rollout-event.ts';

test('no random history advances against promises 1 to 3', () => {
  const advances = { act: 0, recommend: 0, observe: 0 };
  fc.assert(
    fc.property(
      fc.constantFrom('act' as const, 'recommend' as const, 'observe' as const),
      fc.array(step, { minLength: 20, maxLength: 120 }),
      (authority, steps) => {
        const simulation = new Simulation(authority);
        for (const action of steps) play(simulation, action);
        advances[authority] += checkHistory(simulation.t.commits, authority);
      },
    ),
    { numRuns: 600 },
  );
  // About 220 of each were seen, give or take 25: a generator that no longer gets anywhere is noticed, bad luck is not.
  const seen = JSON.stringify(advances);
  assert.ok(
    advances.act > 60 && advances.recommend > 60,
    `the histories must go deep enough to mean something: ${seen}`,
  );
});

/** Random good evidence in random order: everything a stage needs, among harmless noise. */
const needed = ['traffic', 'evaluate', 'rollback_test', 'wait'] as const;

test('an eligible history advances to production, in whatever order its evidence arrives', () => {
  fc.assert(
    fc.property(
      fc.array(fc.shuffledSubarray([...needed], { minLength: needed.length, maxLength: needed.length }), {
        minLength: 5,
        maxLength: 5,
      }),
      fc.constantFrom('act' as const, 'recommend' as const),
      (orders, authority) => {
        const simulation = new Simulation(authority);
        const { t } = simulation;
        for (const [index, stage] of STAGES.entries()) {
          assert.equal(
            simulation.deploy(stage),
            'entered',
            `${stage}: ${JSON.stringify(openRollout(t.state) && missingForNextStage(t.state, openRollout(t.state) ?? assert.fail(), t.now))}`,
          );
          simulation.settle();
          for (const need of orders[index] ?? []) {
            if (need === 'traffic') simulation.traffic(400, 3);
            else if (need === 'evaluate') evaluated(t, 0.74);
            else if (need === 'rollback_test') rollbackTested(t, true);
            else t.advance(SOAK_SECONDS + 1);
            simulation.settle();
          }
          const rollout = openRollout(t.state);
          if (rollout === undefined) break;
          t.meet((role) => (role === 'cotrr_team' ? 'abstain' : 'go'));
          simulation.settle();
          if (authority === 'recommend') t.appendRollout(decideApproval(t.state, true, 'seen', 'op', t.facts()));
        }
        assert.equal(t.state.current?.phase, 'completed');
        assert.equal(t.state.stable?.digest, CANDIDATE_DIGEST);
        assert.equal(t.state.previousStable?.version, '0.9');
        assert.equal(checkHistory(t.commits, authority), STAGES.length - 1);
      },
    ),
    { numRuns: 60 },
  );
});

for (const missing of needed) {
  test(`without ${missing} the first stage is not left`, () => {
    const simulation = new Simulation('act');
    const { t } = simulation;
    simulation.deploy('shadow');
    simulation.settle();
    for (const need of needed.filter((n) => n !== missing)) {
      if (need === 'traffic') simulation.traffic(400, 3);
      else if (need === 'evaluate') evaluated(t, 0.74);
      else if (need === 'rollback_test') rollbackTested(t, true);
      else t.advance(SOAK_SECONDS + 1);
      simulation.settle();
    }
    t.meet(() => 'go');
    assert.equal(simulation.deploy('5_percent'), 'not_eligible');
    assert.equal(openRollout(t.state)?.stage, 'shadow');
  });
}

// An evaluation is of the model, not of a stage: that of the first stage still counts in the last.
for (const missing of needed.filter((need) => need !== 'evaluate')) {
  test(`without ${missing} the last stage is not completed`, () => {
    const simulation = new Simulation('act');
    for (const stage of STAGES) {
      assert.equal(simulation.deploy(stage), 'entered');
      simulation.earn(stage === STAGES.at(-1) ? missing : 'nothing');
    }
    assert.equal(openRollout(simulation.t.state)?.stage, STAGES.at(-1));
  });
}

test('a stage after shadow in which no request was answered is not earned, whatever its gates measure', () => {
  const simulation = new Simulation('act', {
    gates: [gate.parse({ name: 'ndcg@10', source: 'evaluation', metric: 'ndcg@10', threshold: 0.72 })],
  });
  const { t } = simulation;
  simulation.deploy('shadow');
  simulation.earn('traffic');
  assert.equal(simulation.deploy('5_percent'), 'entered', 'shadow may be left without traffic');
  simulation.earn('traffic');
  assert.equal(simulation.deploy('20_percent'), 'not_eligible');
  const missing = missingForNextStage(t.state, openRollout(t.state) ?? assert.fail(), t.now);
  assert.match(missing.join(), /1\.0 has not answered a single request in 5_percent yet/);
  simulation.traffic(1, 3);
  simulation.settle();
  t.meet(() => 'go');
  assert.equal(simulation.deploy('20_percent'), 'entered');
});

test('a completed rollout is taken back to the version before, once', () => {
  const { t } = completed();
  const { stable, previousStable } = t.state;
  assert.deepEqual([stable?.version, previousStable?.version], ['1.0', '0.9']);
  t.appendRollout(decideRevert(t.state, 'op', 'it melts', t.facts()));
  assert.equal(t.state.stable?.digest, STABLE_DIGEST);
  assert.equal(t.state.current?.phase, 'rolled_back');
  assert.equal(t.state.current?.ended?.reason, 'it melts');
  assert.deepEqual(decideRevert(t.state, 'op', 'again', t.facts()), [], 'and never further');
  t.appendRollout(decideApply(t.world, t.state, definition(), 'op', SOAK_SECONDS, t.facts(), true));
  assert.equal(openRollout(t.state)?.stage, undefined, 'it may be earned anew, from the first stage on');
});

test('a revert that comes late changes nothing', () => {
  const { t } = completed();
  const late = decideRevert(t.state, 'op', 'late', t.facts());
  t.appendRollout(decideRevert(t.state, 'op', 'first', t.facts()));
  t.appendRollout(decideApply(t.world, t.state, definition(), 'op', SOAK_SECONDS, t.facts(), true));
  const before = t.state;
  t.appendRollout(late);
  assert.deepEqual({ ...t.state, seq: 0 }, { ...before, seq: 0 });
  assert.throws(() => decideRevert(t.state, 'op', 'r', t.facts()), { code: 'CVE_ROLLOUT_CONFLICT' });
});

test('without a version that served before there is nothing to go back to', () => {
  const t = appliedWorld();
  t.appendRollout(decideAbort(t.state, 'op', 'stop', t.facts()));
  assert.deepEqual(decideRevert(t.state, 'op', 'r', t.facts()), []);
  assert.equal(t.state.stable?.version, '0.9');
});

/** 1.0 has earned production. */
function completed(): Simulation {
  const simulation = new Simulation('act');
  for (const stage of STAGES) {
    assert.equal(simulation.deploy(stage), 'entered');
    simulation.earn('nothing');
  }
  assert.equal(simulation.t.state.current?.phase, 'completed');
  return simulation;
}

test('a vote of a meeting that met during the soak does not count', () => {
  const simulation = new Simulation('act');
  const { t } = simulation;
  simulation.deploy('shadow');
  simulation.earn('wait');
  t.advance(SOAK_SECONDS + 1);
  simulation.settle();
  simulation.traffic(400, 3);
  simulation.settle();
  assert.equal(openRollout(t.state)?.vote, undefined);
  assert.equal(simulation.deploy('5_percent'), 'not_eligible');
  t.meet(() => 'go');
  simulation.settle();
  assert.equal(simulation.deploy('5_percent'), 'entered');
});

test('time in which nobody served is no soak', () => {
  const simulation = new Simulation('act');
  const { t } = simulation;
  simulation.deploy('shadow');
  simulation.settle();
  t.advance(20);
  simulation.traffic(400, 3);
  simulation.settle();
  // Without a leader the runners serve stable only, and say nothing of the candidate.
  t.advance(7 * 86_400);
  simulation.traffic(1, 3);
  evaluated(t, 0.74);
  rollbackTested(t, true);
  simulation.settle();
  t.meet(() => 'go');
  simulation.settle();
  assert.equal(simulation.deploy('5_percent'), 'not_eligible');
  const left = soakSecondsLeft(openRollout(t.state) ?? assert.fail(), t.now);
  assert.ok(left > SOAK_SECONDS - 25 && left < SOAK_SECONDS, `${left} s left of ${SOAK_SECONDS} s`);

  t.advance(SOAK_SECONDS);
  simulation.traffic(1, 3);
  simulation.settle();
  t.meet(() => 'go');
  simulation.settle();
  assert.equal(simulation.deploy('5_percent'), 'entered');
});

test('a version that is ready is served, however long nobody led', () => {
  const simulation = new Simulation('act');
  const { t } = simulation;
  simulation.deploy('shadow');
  t.advance(9 * 3600);
  simulation.tick();
  assert.notEqual(openRollout(t.state)?.servingSince, undefined);

  const loading = new Simulation('act');
  loading.deploy('shadow');
  loading.runnerState = 'loading';
  loading.t.advance(9 * 3600);
  loading.t.appendRollout([
    rolloutEventOf(loading.t.facts(), 'rollout.leader_changed', { leader: 'coordinator-1', leaderEpoch: 7 }),
  ]);
  loading.tick();
  assert.equal(openRollout(loading.t.state)?.stage, 'shadow', 'the new leader gives the runners their time');
  loading.t.advance(301);
  loading.tick();
  assert.match(loading.t.state.current?.ended?.reason ?? '', /no runner had 1\.0 ready within 300 s/);
});

test('a version that a runner gives up after it served loses its traffic', () => {
  const simulation = new Simulation('act');
  const { t } = simulation;
  simulation.deploy('shadow');
  simulation.earn('nothing');
  assert.equal(simulation.deploy('5_percent'), 'entered');
  simulation.settle();
  assert.notEqual(openRollout(t.state)?.servingSince, undefined);
  simulation.runnerState = 'loading';
  simulation.settle();
  assert.equal(openRollout(t.state)?.stage, '5_percent', 'a process that starts again is waited for');
  simulation.runnerState = 'failed';
  simulation.settle();
  assert.equal(t.state.current?.phase, 'rolled_back');
  assert.match(t.state.current?.ended?.reason ?? '', /gpu-runner-0 cannot serve 1\.0: detail/);
});

test('a fold of the definition names every deciding gate once', () => {
  const rollout = openRollout(appliedWorld().state) ?? assert.fail();
  assert.deepEqual(decidingGates(rollout), [...new Set(decidingGates(rollout))]);
});
