import assert from 'node:assert/strict';
import { type Ballot, STAGES, type StageName } from '@conclave/contracts';
import { nextStage, openRollout } from '@conclave/core';
import fc from 'fast-check';
import { decideAbort } from '../rollout/abort.ts';
import { decideOverride } from '../rollout/override.ts';
import { decidePause, decideResume } from '../rollout/pause.ts';
import { evaluated, rollbackTested } from './given-evidence.ts';
import { NEEDS, type Simulation } from './simulation.ts';

const votes = fc.constantFrom<Ballot['vote']>('go', 'go', 'go', 'no_go', 'abstain');
/** One thing that may happen to a rollout, good or bad. */
export const step = fc.oneof(
  // Everything a stage needs, at once, and the next stage asked for: without these, random histories hardly ever leave shadow.
  {
    weight: 30,
    arbitrary: fc.record({
      do: fc.constant('earn' as const),
      skip: fc.oneof(
        { weight: 4, arbitrary: fc.constant('nothing' as const) },
        { weight: 3, arbitrary: fc.constantFrom(...NEEDS) },
      ),
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
  // Without it, what is left of a history after an abort or a breach would test nothing.
  { weight: 15, arbitrary: fc.record({ do: fc.constant('apply_again' as const) }) },
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

/** Does it. */
export function play(simulation: Simulation, action: Step): void {
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
    case 'apply_again':
      if (open === undefined) simulation.applyAgain();
      return;
    case 'pause':
      t.appendRollout(decidePause(t.state, 'wait', 'op', t.facts()));
      return;
    case 'resume':
      t.appendRollout(decideResume(t.state, 'go on', 'op', t.facts()));
      return;
    case 'open_p0':
      t.incident('P0', { incidentId: 'p0', model: undefined });
      return;
    case 'resolve_p0':
      t.resolved('p0');
      return;
    case 'approve':
    case 'reject':
      simulation.answer(action.do === 'approve');
      return;
    case 'override':
      if (open !== undefined) t.appendRollout(decideOverride(t.state, action.gate, 'known', 'op', t.facts()));
      return;
    case 'runner':
      simulation.runnerState = action.state;
      return;
  }
}
