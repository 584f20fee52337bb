import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  aggregates,
  type Ballot,
  type Commit,
  decidingGates,
  missingForNextStage,
  nextStage,
  openRollout,
  parseCommit,
  type RawEvent,
  type RolloutEvent,
  STAGES,
  type StageName,
} from '@conclave/contracts';
import fc from 'fast-check';
import { gatherEvidence } from '../gates/evidence.ts';
import { judge } from '../gates/judge.ts';
import { addCandidateWindow, emptyStageTelemetry, type StageTelemetry } from '../gates/stage-telemetry.ts';
import { evaluated, rollbackTested, runner, window } from '../testing/evidence.ts';
import { appliedWorld, CANDIDATE_DIGEST, SOAK_SECONDS, type TestWorld } from '../testing/test-world.ts';
import { decideAbort } from './abort.ts';
import { decideDeploy } from './deploy.ts';
import { decideApproval, decideOverride, decidePause, decideResume } from './operate.ts';
import { superviseRollout } from './supervise.ts';

const RULES = { quorum: 4, majority: 0.5, veto: ['critic'] as const };

/** One coordinator over a test journal, with telemetry in memory as the leader keeps it. */
class Simulation {
  readonly t: TestWorld;
  telemetry: StageTelemetry = emptyStageTelemetry(CANDIDATE_DIGEST, 0);
  runnerState: 'ready' | 'loading' | 'failed' = 'ready';

  constructor(authority: 'act' | 'recommend' | 'observe') {
    this.t = appliedWorld({ authority });
  }

  private around() {
    const { t } = this;
    const rollout = openRollout(t.state);
    const evidence = rollout === undefined ? undefined : gatherEvidence(t.world, rollout, this.telemetry);
    const verdicts =
      rollout === undefined || evidence === undefined || rollout.stage === undefined
        ? []
        : rollout.definition.gates.map((gate) =>
            judge(gate, rollout, evidence, { now: t.now, evidenceMaxAgeSeconds: 120 }),
          );
    return {
      world: t.world,
      runners: [runner(t, this.runnerState)],
      verdicts,
      summary: undefined,
      tallyRules: RULES,
      readyTimeoutSeconds: 300,
    };
  }

  tick(): RolloutEvent[] {
    const events = superviseRollout(this.t.state, this.around(), this.t.facts());
    this.t.appendRollout(events);
    return events;
  }

  /** Ticks until nothing more follows from the present evidence. */
  settle(): void {
    for (let i = 0; i < 20 && this.tick().length > 0; i++);
  }

  deploy(stage: StageName, version = '1.0'): string {
    this.settle();
    const { answer, events } = decideDeploy(
      this.t.state,
      { version, stage, requestedBy: 'action' },
      this.t.facts(),
      undefined,
    );
    this.t.appendRollout(events);
    return answer.outcome;
  }

  /** What a stage needs, less what is skipped. */
  earn(skip: string): void {
    this.settle();
    if (skip !== 'traffic') this.traffic(400, 3);
    if (skip !== 'evaluate') evaluated(this.t, 0.74);
    if (skip !== 'rollback_test') rollbackTested(this.t, true);
    if (skip !== 'wait') this.t.advance(SOAK_SECONDS + 1);
    this.settle();
    if (skip !== 'vote') this.t.meet(() => 'go');
    this.settle();
  }

  traffic(requests: number, latencyMs: number, epochOffset = 0): void {
    const stageEpoch = Math.max(0, this.t.state.stageEpoch + epochOffset);
    if (this.telemetry.stageEpoch !== this.t.state.stageEpoch)
      this.telemetry = emptyStageTelemetry(CANDIDATE_DIGEST, this.t.state.stageEpoch);
    if (openRollout(this.t.state)?.servingSince === undefined) return;
    this.telemetry = addCandidateWindow(this.telemetry, window(this.t, { requests, latencyMs, stageEpoch }), 200);
  }
}

const votes = fc.constantFrom<Ballot['vote']>('go', 'go', 'go', 'no_go', 'abstain');
const step = fc.oneof(
  // Everything a stage needs, at once, and the next stage asked for: without these, random histories hardly ever leave shadow.
  {
    weight: 30,
    arbitrary: fc.record({
      do: fc.constant('earn' as const),
      skip: fc.constantFrom('nothing', 'nothing', 'nothing', 'traffic', 'evaluate', 'rollback_test', 'wait', 'vote'),
    }),
  },
  {
    weight: 30,
    arbitrary: fc.record({
      do: fc.constant('deploy' as const),
      stage: fc.constant('next' as const),
      version: fc.constant('1.0'),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('deploy' as const),
      stage: fc.constantFrom<StageName>(...STAGES),
      version: fc.constantFrom('1.0', '0.9', '2.0'),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('tick' as const) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 90 }) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('traffic' as const),
      requests: fc.integer({ min: 1, max: 300 }),
      latencyMs: fc.constantFrom(3, 3, 3, 49, 51, 400),
      epochOffset: fc.constantFrom(0, 0, 0, -1, 1),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('evaluate' as const),
      ndcg: fc.constantFrom(0.74, 0.74, 0.72, 0.7199),
      queries: fc.constantFrom(600, 600, 10),
      digest: fc.constantFrom('same', 'other'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('rollback_test' as const),
      passed: fc.constantFrom(true, true, true, false),
      epochOffset: fc.constantFrom(0, -1),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('meet' as const),
      votes: fc.array(votes, { minLength: 6, maxLength: 6 }),
      stale: fc.constantFrom(false, false, true),
      claims: fc.constantFrom<'go' | 'no_go'>('go', 'no_go'),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'pause',
        'resume',
        'resume',
        'open_p0',
        'resolve_p0',
        'resolve_p0',
        'approve',
        'approve',
        'approve',
        'reject' as const,
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('abort' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('override' as const), gate: fc.constantFrom('ndcg@10', 'rollback_test') }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('runner' as const),
      state: fc.constantFrom<'ready' | 'loading' | 'failed'>('ready', 'ready', 'ready', 'ready', 'loading', 'failed'),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

function play(simulation: Simulation, action: Step): void {
  const { t } = simulation;
  const open = openRollout(t.state);
  switch (action.do) {
    case 'tick':
      simulation.tick();
      return;
    case 'earn':
      simulation.earn(action.skip);
      return;
    case 'wait':
      t.advance(action.seconds);
      return;
    case 'traffic':
      simulation.traffic(action.requests, action.latencyMs, action.epochOffset);
      return;
    case 'evaluate':
      evaluated(t, action.ndcg, {
        queries: action.queries,
        ...(action.digest === 'other' ? { digest: `sha256:${'9'.repeat(64)}` } : {}),
      });
      return;
    case 'rollback_test':
      rollbackTested(t, action.passed, Math.max(0, t.state.stageEpoch + action.epochOffset));
      return;
    case 'meet': {
      let voter = 0;
      t.meet(() => action.votes[voter++] ?? 'abstain', {
        claims: action.claims,
        ...(action.stale ? { verdictSet: `sha256:${'e'.repeat(64)}` } : {}),
      });
      return;
    }
    case 'deploy': {
      const next = open === undefined ? 'production' : (nextStage(open) ?? 'production');
      simulation.deploy(action.stage === 'next' ? next : action.stage, action.version);
      return;
    }
    case 'abort':
      t.appendRollout(decideAbort(t.state, 'op', 'told to', t.facts()));
      assert.equal(openRollout(t.state), undefined, 'an abort is accepted in every state');
      return;
    case 'pause':
      t.appendRollout(decidePause(t.state, 'wait', 'op', t.facts()));
      return;
    case 'resume':
      t.appendRollout(decideResume(t.state, 'go on', 'op', t.facts()));
      return;
    case 'open_p0':
    case 'resolve_p0': {
      const at = t.now.toISOString();
      const event: RawEvent =
        action.do === 'open_p0'
          ? {
              id: `i${t.commits.length}`,
              type: 'incident.opened',
              at,
              data: { incidentId: 'p0', severity: 'P0', title: 'down', detail: '', source: '' },
            }
          : {
              id: `i${t.commits.length}`,
              type: 'incident.resolved',
              at,
              data: { incidentId: 'p0', by: 'op', reason: 'up' },
            };
      t.append(aggregates.incident('p0'), [event]);
      return;
    }
    case 'approve':
    case 'reject':
      if (open !== undefined)
        t.appendRollout(decideApproval(t.state, action.do === 'approve', 'seen', 'op', t.facts()));
      return;
    case 'override':
      if (open !== undefined) t.appendRollout(decideOverride(t.state, action.gate, 'known', 'op', t.facts()));
      return;
    case 'runner':
      simulation.runnerState = action.state;
      return;
  }
}

/**
 * The promises, checked over the bare history by other means than the code under test uses: every stage that was entered must
 * have everything behind it, read from the events since the stage before.
 */
function checkHistory(commits: readonly Commit[], authority: string): number {
  const events = commits
    .filter((c) => c.aggregate.kind === 'rollouts')
    .flatMap((c) => parseCommit('rollouts', c).events);
  const meetings = new Map(
    commits
      .filter((c) => c.aggregate.kind === 'meetings')
      .map((c) => [c.aggregate.id, parseCommit('meetings', c).events]),
  );
  let advances = 0;
  let ended = false;
  let stageStart = -1;
  let stage: StageName | undefined;
  const holds = new Set<string>();
  for (const [index, event] of events.entries()) {
    if (event.type === 'rollout.held') holds.add(event.data.holdId);
    if (event.type === 'rollout.released') holds.delete(event.data.holdId);
    if (event.type === 'rollout.aborted') ended = true;
    if (event.type !== 'rollout.stage_entered') continue;
    assert.ok(!ended, 'no stage is entered after an abort');
    assert.equal(holds.size, 0, 'no stage is entered under a hold');
    const expected = stage === undefined ? STAGES[0] : STAGES[STAGES.indexOf(stage) + 1];
    assert.equal(event.data.stage, expected, 'stages are entered one at a time');
    if (stage !== undefined) {
      advances += 1;
      assert.notEqual(authority, 'observe', 'a rollout that only observes never advances');
      const since = events.slice(stageStart + 1, index);
      const serving = since.find((e) => e.type === 'rollout.stage_serving');
      assert.ok(serving !== undefined, 'runners were ready');
      assert.ok(Date.parse(event.at) - Date.parse(serving.at) >= SOAK_SECONDS * 1000, 'the soak has elapsed');
      const last = new Map<string, string>();
      const transitions: string[] = [];
      for (const e of since) {
        if (e.type === 'rollout.verdict_changed') {
          last.set(e.data.verdict.gate, e.data.verdict.outcome);
          transitions.push(e.id);
        }
        if (e.type === 'rollout.gate_overridden') last.set(e.data.gate, 'overridden');
      }
      for (const gate of [
        'ndcg@10',
        'latency_p95_ms',
        'slo_compliance',
        'p0_incidents',
        'rollback_test',
        'no_loss_vs_stable',
      ]) {
        assert.ok(
          last.get(gate) === 'pass' || last.get(gate) === 'overridden',
          `gate ${gate} had passed, it was ${last.get(gate)}`,
        );
      }
      const lastChange = since.findLastIndex(
        (e) => e.type === 'rollout.verdict_changed' || e.type === 'rollout.gate_overridden',
      );
      const voted = since.findLast((e) => e.type === 'rollout.voted');
      assert.ok(voted?.type === 'rollout.voted' && voted.data.decision === 'go', 'a meeting voted go');
      assert.equal(
        voted.data.verdictSet,
        event.data.earnedBy?.verdictSet,
        'on exactly the verdicts that earned the stage',
      );
      const ballots = (meetings.get(voted.data.meetingId) ?? []).flatMap((e) =>
        e.type === 'meeting.turn_taken' ? (e.data.ballots ?? []).map((b) => ({ role: e.data.role, ...b })) : [],
      );
      const counted = ballots.filter((b) => b.verdictSet === voted.data.verdictSet);
      const go = counted.filter((b) => b.vote === 'go').length;
      const no = counted.filter((b) => b.vote === 'no_go');
      assert.ok(
        counted.length >= RULES.quorum && go > no.length && !no.some((b) => b.role === 'critic'),
        'the ballots carry the vote',
      );
      if (authority === 'recommend') {
        const person = since
          .slice(lastChange + 1)
          .findLast((e) => e.type === 'rollout.approved' || e.type === 'rollout.rejected');
        assert.equal(person?.type, 'rollout.approved', 'a person approved these verdicts');
      }
    }
    stage = event.data.stage;
    stageStart = index;
  }
  return advances;
}

test('no random history advances against promises 1 to 3', () => {
  let advances = 0;
  fc.assert(
    fc.property(
      fc.constantFrom('act' as const, 'recommend' as const, 'observe' as const),
      fc.array(step, { minLength: 20, maxLength: 120 }),
      (authority, steps) => {
        const simulation = new Simulation(authority);
        for (const action of steps) play(simulation, action);
        advances += checkHistory(simulation.t.commits, authority);
      },
    ),
    { numRuns: 400 },
  );
  assert.ok(advances > 100, `the histories must be deep enough to mean something; only ${advances} advances in all`);
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

test('a fold of the definition names every deciding gate once', () => {
  const rollout = openRollout(appliedWorld().state) ?? assert.fail();
  assert.deepEqual(decidingGates(rollout), [...new Set(decidingGates(rollout))]);
});
